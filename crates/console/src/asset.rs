//! The files, as the front end's build left them.

/// One file, plain and packed.
#[derive(Debug)]
pub(crate) struct Asset {
    /// Its name, which tells its content; the page's does not.
    pub(crate) name: &'static str,
    pub(crate) content_type: &'static str,
    /// First digits of the SHA-256 of its plain form.
    pub(crate) hash: &'static str,
    pub(crate) plain: &'static [u8],
    pub(crate) gzip: &'static [u8],
    pub(crate) brotli: &'static [u8],
}

/// The document that every address of the console shows.
pub(crate) const PAGE: &str = "index.html";

impl Asset {
    pub(crate) fn is_page(&self) -> bool {
        self.name == PAGE
    }
}

// `ASSETS` and `ROUTES`, made together with the files.
include!("../assets/table.rs");

/// Returns a file by its name.
pub(crate) fn find(name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name && !asset.is_page())
}

/// Returns the document, when there is a page of that path.
pub(crate) fn page(path: &str) -> Option<&'static Asset> {
    let path = path.strip_suffix('/').unwrap_or(path);
    ROUTES.contains(&path).then(|| ASSETS.iter().find(|asset| asset.is_page())).flatten()
}

/// Returns all of them.
#[cfg(test)]
pub(crate) fn all() -> &'static [Asset] {
    ASSETS
}
