//! How a file is packed for whoever asks.

use crate::asset::Asset;

/// Returns the smallest form that the asker takes, with its name in `Content-Encoding`.
///
/// Source: RFC 9110, section 12.5.3; a weight of zero refuses, other weights say nothing that matters
/// between two packings of one file.
pub(crate) fn choose(
    asset: &Asset,
    accept_encoding: &str,
) -> (&'static [u8], Option<&'static str>) {
    let takes = |wanted: &str| {
        accept_encoding.split(',').any(|one| {
            let mut parts = one.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            name.eq_ignore_ascii_case(wanted) && !parts.any(is_refusal)
        })
    };
    if takes("br") {
        (asset.brotli, Some("br"))
    } else if takes("gzip") {
        (asset.gzip, Some("gzip"))
    } else {
        (asset.plain, None)
    }
}

fn is_refusal(parameter: &str) -> bool {
    let weight = parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="));
    weight.is_some_and(|weight| weight.trim().parse::<f32>() == Ok(0.0))
}
