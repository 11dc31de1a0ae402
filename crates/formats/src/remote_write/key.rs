//! From labels as they came to the identity of a series.

use super::view::SeriesView;
use super::wire::DecodeError;
use model::{SeriesKey, TenantId, Unit, VIRTUAL_NAMES};

/// Why labels make no series. None of these goes away by sending again.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum LabelError {
    /// The labels cannot be read.
    #[error("labels cannot be read")]
    Decode(#[from] DecodeError),
    /// Two labels of one name.
    #[error("duplicate label name {0:?}")]
    Duplicate(String),
    /// A name that stands for a part of the identity and cannot be written.
    #[error("reserved label name {0:?}")]
    Reserved(String),
    /// A value without a name.
    #[error("empty label name")]
    EmptyName,
}

const NAME: &str = VIRTUAL_NAMES[0];

impl SeriesView<'_> {
    /// Returns the series that the labels name, in canonical form.
    ///
    /// Labels with empty values are dropped, the others sorted; `__name__` becomes the name, which
    /// stays empty when there is none.
    ///
    /// # Errors
    /// Labels that cannot be read, come twice, have no name, or a reserved one.
    pub fn series_key(&self, tenant: TenantId) -> Result<SeriesKey, LabelError> {
        let mut key = SeriesKey {
            tenant,
            namespace: String::new(),
            name: String::new(),
            unit: Unit::None,
            labels: Vec::new(),
        };
        for label in self.labels() {
            match label? {
                (_, "") => {}
                ("", _) => return Err(LabelError::EmptyName),
                (NAME, _) if !key.name.is_empty() => {
                    return Err(LabelError::Duplicate(NAME.into()));
                }
                (NAME, value) => key.name.push_str(value),
                (name, _) if VIRTUAL_NAMES.contains(&name) => {
                    return Err(LabelError::Reserved(name.into()));
                }
                (name, value) => key.labels.push((name.into(), value.into())),
            }
        }
        key.canonicalise().map_err(LabelError::Duplicate)?;
        Ok(key)
    }
}
