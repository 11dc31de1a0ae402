//! Exemplars of remote write: which are taken.

use formats::remote_write::{DecodeError, ExemplarView, SeriesView};
use model::TimeRange;
use platform::Exemplar;

/// Characters of the names and values of an exemplar's labels, together, at most.
///
/// Source: OpenMetrics 1.0, "Exemplars".
const LABELS_CHARS_MAX: usize = 128;

/// Reads the exemplars of a series; what cannot be taken is told to `refuse`.
///
/// # Errors
/// [`DecodeError`] when the body makes no sense: then nothing of it may be taken.
pub(super) fn taken(
    series: &SeriesView<'_>,
    times: TimeRange,
    mut refuse: impl FnMut(String),
) -> Result<Vec<Exemplar>, DecodeError> {
    let mut all = Vec::with_capacity(series.exemplar_count());
    for view in series.exemplars() {
        let view = view?;
        if !times.contains(view.at_ms) {
            refuse(format!("has one outside the times that are taken, at {} ms", view.at_ms));
            continue;
        }
        match labels_of(&view) {
            Ok(labels) => all.push(Exemplar { at_ms: view.at_ms, value: view.value, labels }),
            Err(why) => refuse(why),
        }
    }
    Ok(all)
}

fn labels_of(view: &ExemplarView<'_>) -> Result<Vec<(String, String)>, String> {
    let (mut labels, mut chars) = (Vec::new(), 0);
    for label in view.labels.clone() {
        let (name, value) =
            label.map_err(|error| format!("has one whose labels cannot be read: {error}"))?;
        chars += name.chars().count() + value.chars().count();
        if chars > LABELS_CHARS_MAX {
            return Err(format!(
                "label length for exemplar exceeds maximum of {LABELS_CHARS_MAX} UTF-8 characters"
            ));
        }
        match (name, value) {
            (_, "") => {}
            ("", _) => return Err("has one with an empty label name".into()),
            (name, value) => labels.push((name.to_owned(), value.to_owned())),
        }
    }
    labels.sort_unstable();
    match labels.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) => Err(format!("has one with duplicate label name {:?}", pair[0].0)),
        None => Ok(labels),
    }
}
