//! Bodies with holes: `{{reason}}`. A hole that cannot be filled says so in its place, and what was to
//! be sent is sent.

use std::borrow::Cow;

/// A body never becomes longer; what is beyond is cut off.
pub const BODY_BYTES_MAX: usize = 256 << 10;
/// A name of a field is never longer: what stands between braces may be anything.
const NAME_BYTES_MAX: usize = 64;

/// What a text is put into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Into {
    /// Between the quotes of JSON: quotes and line ends are escaped.
    Json,
    /// Anything else: as it is.
    Text,
}

/// Fills the holes of a template.
///
/// `{{name}}` is the field, escaped for where it stands; `{{json name}}` is the field as a whole JSON
/// value with its quotes; `{{raw name}}` is the field as it is.
pub fn fill(template: &str, into: Into, fields: &[(&str, String)]) -> String {
    let mut out = String::with_capacity(template.len() + 256);
    let mut rest = template;
    while let Some(at) = rest.find("{{") {
        out.push_str(&rest[..at]);
        let inside = &rest[at + 2..];
        let Some(end) = inside.find("}}") else {
            // Never closed: it is no hole.
            out.push_str("{{");
            rest = inside;
            continue;
        };
        out.push_str(&hole(&inside[..end], into, fields));
        rest = &inside[end + 2..];
        if out.len() > BODY_BYTES_MAX {
            break;
        }
    }
    if out.len() <= BODY_BYTES_MAX {
        out.push_str(rest);
    }
    cut(&mut out, BODY_BYTES_MAX);
    out
}

/// Shortens a text to `max` bytes or less, at the border of a character.
pub fn cut(text: &mut String, max: usize) {
    if text.len() > max {
        let end = (0..=max).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
    }
}

fn hole(inside: &str, into: Into, fields: &[(&str, String)]) -> String {
    let words: Vec<&str> = inside.split_whitespace().take(3).collect();
    let (how, name) = match words[..] {
        [name] => (None, name),
        [how @ ("json" | "raw"), name] => (Some(how), name),
        _ => (None, inside),
    };
    let found = fields.iter().find(|(field, _)| *field == name).map(|(_, text)| text.as_str());
    let text: Cow<'_, str> = match found {
        Some(text) => text.into(),
        None => {
            let mut name = name.trim().to_owned();
            cut(&mut name, NAME_BYTES_MAX);
            format!("[there is no field {name}]").into()
        }
    };
    match (how, into) {
        (Some("json"), _) => serde_json::to_string(&text).unwrap_or_default(),
        (None, Into::Json) => {
            let quoted = serde_json::to_string(&text).unwrap_or_default();
            quoted[1..quoted.len() - 1].to_owned()
        }
        _ => text.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(template: &str, into: Into) -> String {
        fill(template, into, &[("reason", "a \"b\"\nc".to_owned()), ("state", "ALARM".to_owned())])
    }

    #[test]
    fn holes_are_filled_as_their_place_wants_it() {
        assert_eq!(
            filled(r#"{"text": "{{state}}: {{ reason }}"}"#, Into::Json),
            r#"{"text": "ALARM: a \"b\"\nc"}"#
        );
        assert_eq!(filled(r#"{"why": {{json reason}}}"#, Into::Json), r#"{"why": "a \"b\"\nc"}"#);
        assert_eq!(filled("{{reason}}!", Into::Text), "a \"b\"\nc!");
        assert_eq!(filled("{{raw reason}}", Into::Json), "a \"b\"\nc");
    }

    #[test]
    fn a_hole_that_cannot_be_filled_says_so() {
        assert_eq!(filled("x {{nothing}} y", Into::Text), "x [there is no field nothing] y");
        assert_eq!(filled("{{exec rm reason}}", Into::Text), "[there is no field exec rm reason]");
        assert_eq!(filled("{{state}} {{state", Into::Text), "ALARM {{state");
        assert_eq!(filled("{{{{state}}", Into::Text), "[there is no field {{state]");
    }

    #[test]
    fn a_body_does_not_grow_without_end() {
        let fields = [("m", "é".repeat(100_000))];
        let body = fill(&"{{m}}".repeat(10), Into::Text, &fields);
        assert!(body.len() <= BODY_BYTES_MAX && body.len() > BODY_BYTES_MAX - 4);
    }
}
