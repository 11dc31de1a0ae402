//! What the operator maps actions to that exist in AWS only: web hooks and commands, from a file.

use crate::address::Reach;
use crate::event;
use crate::notice::Notice;
use crate::template::{self, Into};
use serde::Deserialize;
use std::collections::BTreeMap;
use stdx::{Call, CommandCall, HttpCall};

const NAME_BYTES_MAX: usize = 64;
const HANDLERS_MAX: usize = 1_000;
const WAIT_S_DEFAULT: u64 = 15;
const WAIT_S_MAX: u64 = 900;

/// A handler: which targets it takes, and what it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handler {
    /// What it is called; a notice may name it as its target.
    pub name: String,
    /// Targets that it takes, with `*` and `?`.
    pub pattern: String,
    act: Act,
    wait_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Act {
    Hook { url: String, headers: Vec<(String, String)>, body: Option<String>, into: Into },
    Command(Vec<String>),
}

/// Handlers in the order of their file; the first that takes a target is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Handlers(Vec<Handler>);

/// Why a file of handlers cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct HandlersError(pub String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    handler: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    #[serde(rename = "match")]
    pattern: String,
    url: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<String>,
    command: Option<Vec<String>>,
    timeout_seconds: Option<u64>,
}

impl Handlers {
    /// Reads a file of handlers in TOML.
    ///
    /// # Errors
    /// [`HandlersError`] names the handler and what is wrong.
    pub fn read(text: &str) -> Result<Self, HandlersError> {
        let file: File = toml::from_str(text).map_err(|e| HandlersError(e.to_string()))?;
        if file.handler.len() > HANDLERS_MAX {
            return Err(HandlersError(format!("there are more than {HANDLERS_MAX} handlers")));
        }
        let mut handlers: Vec<Handler> = Vec::new();
        for entry in file.handler {
            let name = entry.name.clone();
            let handler =
                Handler::of(entry).map_err(|e| HandlersError(format!("handler {name:?}: {e}")))?;
            if handlers.iter().any(|h| h.name == name) {
                return Err(HandlersError(format!("handler {name:?} is there twice")));
            }
            handlers.push(handler);
        }
        Ok(Self(handlers))
    }

    /// Returns the handler that takes a target: by its name, else the first whose pattern fits.
    pub fn of_target(&self, target: &str) -> Option<&Handler> {
        let named = self.0.iter().find(|h| h.name == target);
        named.or_else(|| self.0.iter().find(|h| fits(&h.pattern, target)))
    }

    /// Returns the handler of a name.
    pub fn of_name(&self, name: &str) -> Option<&Handler> {
        self.0.iter().find(|h| h.name == name)
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Says whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Handler {
    fn of(entry: Entry) -> Result<Self, String> {
        let name_ok = (1..=NAME_BYTES_MAX).contains(&entry.name.len())
            && entry.name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if !name_ok {
            return Err(format!("a name has 1 to {NAME_BYTES_MAX} letters, digits, dots, dashes"));
        }
        if entry.pattern.is_empty() {
            return Err("match is empty".into());
        }
        let wait_s = entry.timeout_seconds.unwrap_or(WAIT_S_DEFAULT);
        if !(1..=WAIT_S_MAX).contains(&wait_s) {
            return Err(format!("timeout_seconds is 1 to {WAIT_S_MAX}"));
        }
        let act = match (entry.url, entry.command) {
            (Some(url), None) => hook(url, entry.headers, entry.body)?,
            (None, Some(argv)) => {
                if !entry.headers.is_empty() || entry.body.is_some() {
                    return Err("headers and body belong to a url".into());
                }
                if argv.first().is_none_or(String::is_empty)
                    || argv.iter().any(|a| a.contains('\0'))
                {
                    return Err("command is a list: the program and its arguments".into());
                }
                Act::Command(argv)
            }
            _ => return Err("give either url or command".into()),
        };
        Ok(Self { name: entry.name, pattern: entry.pattern, act, wait_ms: wait_s * 1_000 })
    }

    /// Says whether it runs a program.
    pub fn is_command(&self) -> bool {
        matches!(self.act, Act::Command(_))
    }

    /// Returns what is to be done for a notice.
    pub fn call(&self, notice: &Notice) -> Call {
        match &self.act {
            Act::Hook { url, headers, body, into } => {
                let body = match body {
                    Some(template) => template::fill(template, *into, &event::fields(notice)),
                    None => event::event(notice).to_string(),
                };
                let mut headers = headers.clone();
                headers.push(("x-sightline-id".into(), notice.message_id()));
                Call::Http(HttpCall {
                    method: "POST",
                    url: url.clone(),
                    headers,
                    body: body.into_bytes(),
                    wait_ms: self.wait_ms,
                    is_trusted: true,
                })
            }
            Act::Command(argv) => Call::Command(CommandCall {
                argv: argv.clone(),
                input: format!("{}\n", event::event(notice)).into_bytes(),
                wait_ms: self.wait_ms,
            }),
        }
    }
}

fn hook(
    url: String,
    headers: BTreeMap<String, String>,
    body: Option<String>,
) -> Result<Act, String> {
    // The operator may point anywhere on this machine and network; the address must only be one.
    let anywhere = Reach { loopback: true };
    anywhere.check_url(&url).map_err(|e| format!("url: {e}"))?;
    let mut kept = Vec::new();
    let mut content_type = "application/json".to_owned();
    for (name, value) in headers {
        let name_ok = http::HeaderName::from_bytes(name.as_bytes()).is_ok();
        if !name_ok || http::HeaderValue::from_str(&value).is_err() {
            return Err(format!("header {name:?} cannot be sent"));
        }
        match name.eq_ignore_ascii_case("content-type") {
            true => content_type = value,
            false => kept.push((name, value)),
        }
    }
    let into = if content_type.contains("json") { Into::Json } else { Into::Text };
    kept.push(("content-type".into(), content_type));
    Ok(Act::Hook { url, headers: kept, body, into })
}

/// Says whether a text fits a pattern with `*` (any text) and `?` (one character).
fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where the last star stood, and how far the text was then: one step of going back is enough.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == '*' {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == '?' || pattern[p] == text[t]) {
            p += 1;
            t += 1;
        } else if let Some((at, seen)) = star {
            star = Some((at, seen + 1));
            p = at + 1;
            t = seen + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::tests::alarm_notice;

    const FILE: &str = r#"
[[handler]]
name = "reboot"
match = "arn:aws:automate:*:ec2:reboot"
command = ["/usr/bin/env", "logger", "reboot; rm -rf /"]
timeout_seconds = 30

[[handler]]
name = "chat"
match = "arn:aws:lambda:*"
url = "https://chat.example.com/hook"
headers = { Authorization = "Bearer x" }
body = '{"text": "{{subject}}: {{reason}}"}'
"#;

    #[test]
    fn the_first_handler_whose_pattern_fits_is_asked() {
        let handlers = Handlers::read(FILE).unwrap();
        let of = |target: &str| handlers.of_target(target).map(|h| h.name.as_str());
        assert_eq!(of("arn:aws:automate:us-east-1:ec2:reboot"), Some("reboot"));
        assert_eq!(of("arn:aws:automate:us-east-1:ec2:stop"), None);
        assert_eq!(of("arn:aws:lambda:us-east-1:000000000000:function:f"), Some("chat"));
        assert_eq!(of("chat"), Some("chat"));
        assert!(
            fits("a*b*c", "axxbyyc")
                && !fits("a*b*c", "axxbyy")
                && fits("*", "")
                && fits("a?c", "aéc")
        );
        let long = "a".repeat(5_000);
        assert!(!fits(&"*a".repeat(500), &format!("{long}b")));
    }

    #[test]
    fn a_hook_gets_its_template_filled_and_a_command_the_event() {
        let handlers = Handlers::read(FILE).unwrap();
        let lambda = "arn:aws:lambda:us-east-1:000000000000:function:f";
        let Call::Http(http) = handlers.of_name("chat").unwrap().call(&alarm_notice(lambda)) else {
            panic!()
        };
        let body: serde_json::Value = serde_json::from_slice(&http.body).unwrap();
        let text = body["text"].as_str().unwrap();
        assert!(text.ends_with("was \"high\"\nand stays so"), "{text}");
        assert!(http.headers.contains(&("content-type".into(), "application/json".into())));
        let Call::Command(command) = handlers.of_name("reboot").unwrap().call(&alarm_notice("x"))
        else {
            panic!()
        };
        assert_eq!(command.argv[2], "reboot; rm -rf /");
        let event: serde_json::Value = serde_json::from_slice(&command.input).unwrap();
        assert_eq!((event["alarm"].as_str(), command.wait_ms), (Some("cpu"), 30_000));
    }

    #[test]
    fn mistakes_are_named() {
        let error = |text: &str| Handlers::read(text).unwrap_err().to_string();
        let entry = |rest: &str| format!("[[handler]]\nname = \"x\"\nmatch = \"*\"\n{rest}");
        assert!(error(&entry("")).contains("either url or command"));
        assert!(error(&entry("url = \"ftp://x\"")).contains("ftp"));
        assert!(error(&entry("command = []")).contains("program"));
        assert!(error(&entry("url = \"http://h/\"\ntimeout_seconds = 0")).contains("timeout"));
        assert!(
            error(&entry("url = \"http://h/\"\nheaders = { \"a b\" = \"c\" }")).contains("a b")
        );
        assert!(error(&entry("shell = \"x\"")).contains("shell"));
        let twice = format!("{0}{0}", entry("url = \"http://h/\"\n"));
        assert!(error(&twice).contains("twice"));
    }
}
