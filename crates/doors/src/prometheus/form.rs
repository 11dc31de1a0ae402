//! Parameters: of the address and of a form in the body together.

use super::answer::Failure;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::request::Parts;

/// Parameters in a body take so many bytes at most.
const FORM_BYTES_MAX: usize = 1 << 20;

/// Parameters in the order in which they count: those of the body come first.
#[derive(Debug, Default)]
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    pub(super) fn read(parts: &Parts, body: &[u8]) -> Result<Self, Failure> {
        let mut params = Self::default();
        if body.len() > FORM_BYTES_MAX {
            return Err(Failure::TooLarge(format!(
                "parameters have {} bytes, more than the limit of {FORM_BYTES_MAX}",
                body.len()
            )));
        }
        if !body.is_empty() {
            let header = |name| parts.headers.get(name).map(http::HeaderValue::as_bytes);
            let media = header(CONTENT_TYPE).unwrap_or_default();
            let media = media.split(|&b| b == b';').next().unwrap_or_default().trim_ascii();
            if !media.eq_ignore_ascii_case(b"application/x-www-form-urlencoded") {
                return Err(Failure::bad_data(
                    "parameters in a body must be application/x-www-form-urlencoded",
                ));
            }
            if header(CONTENT_ENCODING).is_some_and(|e| !e.eq_ignore_ascii_case(b"identity")) {
                return Err(Failure::bad_data("parameters in a packed body are not served yet"));
            }
            params.push_form(body)?;
        }
        params.push_form(parts.uri.query().unwrap_or_default().as_bytes())?;
        Ok(params)
    }

    fn push_form(&mut self, form: &[u8]) -> Result<(), Failure> {
        for pair in form.split(|&b| b == b'&').filter(|p| !p.is_empty()) {
            let at = pair.iter().position(|&b| b == b'=').unwrap_or(pair.len());
            let name = decode(&pair[..at], true);
            let value = decode(pair.get(at + 1..).unwrap_or_default(), true);
            match (name, value) {
                (Some(name), Some(value)) => self.0.push((name, value)),
                _ => {
                    let shown = String::from_utf8_lossy(&pair[..pair.len().min(80)]);
                    return Err(Failure::bad_data(format!("parameter {shown:?} cannot be read")));
                }
            }
        }
        Ok(())
    }

    /// Returns the first value of a parameter; an empty one counts as none, as in Prometheus.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next().filter(|value| !value.is_empty())
    }

    /// Returns all values of a parameter.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// Undoes percent-encoding; in a form, a plus is a space. `None` for what is no such text.
pub(super) fn decode(text: &[u8], form: bool) -> Option<String> {
    let hex = |at: usize| char::from(*text.get(at)?).to_digit(16);
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        at += 1;
        out.push(match byte {
            b'%' => {
                let code = hex(at)? * 16 + hex(at + 1)?;
                at += 2;
                u8::try_from(code).ok()?
            }
            b'+' if form => b' ',
            byte => byte,
        });
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_decoded_or_refused() {
        let cases = [
            (&b"up%7Bjob%3d%22a+b%22%7D"[..], true, Some("up{job=\"a b\"}")),
            (b"a+b%2B", false, Some("a+b+")),
            (b"%C3%A4", true, Some("ä")),
            (b"", true, Some("")),
            (b"%", true, None),
            (b"%4", true, None),
            (b"%4g", true, None),
            (b"%+1", true, None),
            (b"%ff", true, None),
        ];
        for (text, form, expected) in cases {
            assert_eq!(decode(text, form).as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn the_body_counts_before_the_address() {
        let request = http::Request::builder()
            .uri("/api/v1/query?query=b&x=&match[]=3")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded; charset=utf-8")
            .body(())
            .unwrap();
        let (parts, ()) = request.into_parts();
        let params = Params::read(&parts, b"query=a&&match%5B%5D=1&match[]=2&flag").unwrap();
        assert_eq!(params.get("query"), Some("a"));
        assert_eq!(params.get("x"), None);
        assert_eq!(params.get("flag"), None);
        assert_eq!(params.all("match[]").collect::<Vec<_>>(), ["1", "2", "3"]);
    }
}
