//! Mail: a text part, a part for readers that show HTML, and in it the picture.

use crate::address::one_line;
use lettre::message::header::ContentType;
use lettre::message::{Attachment, Mailbox, Message, MultiPart, SinglePart};
use std::fmt::Write as _;
use std::time::{Duration, UNIX_EPOCH};

const SUBJECT_BYTES_MAX: usize = 250;

/// A mail before it is put together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mail {
    /// Whom it is from: an address, or a name and an address in angle brackets.
    pub from: String,
    /// Whom it is for: an address.
    pub to: String,
    /// What it is about; made one line.
    pub subject: String,
    /// Tells a repeated one from a new one.
    pub id: String,
    /// When it happened, milliseconds since 1970.
    pub at_ms: i64,
    /// Paragraphs of the text.
    pub paragraphs: Vec<Paragraph>,
    /// A picture in PNG, shown above the paragraphs' details.
    pub picture: Option<Vec<u8>>,
    /// The text stands alone, without a part in HTML.
    pub is_plain: bool,
}

/// A piece of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Paragraph {
    /// What matters most.
    Title(String),
    /// A text as it is, line ends kept.
    Text(String),
    /// A name and a value.
    Detail(&'static str, String),
    /// What a link does, and where it goes.
    Link(&'static str, String),
    /// Where the picture stands.
    Picture,
}

impl Mail {
    /// Puts the mail together: head and body as they are sent.
    ///
    /// # Errors
    /// What is wrong with an address.
    pub fn formatted(&self) -> Result<Vec<u8>, String> {
        let from: Mailbox =
            self.from.parse().map_err(|e| format!("--mail-from {:?}: {e}", self.from))?;
        crate::address::check_mail(&self.to).map_err(|why| format!("{:?}: {why}", self.to))?;
        let to: Mailbox = self.to.parse().map_err(|e| format!("{:?}: {e}", self.to))?;
        let at = UNIX_EPOCH + Duration::from_millis(self.at_ms.max(0).unsigned_abs());
        let builder = Message::builder()
            .message_id(Some(format!("<{}@{}>", one_line(&self.id, 100), from.email.domain())))
            .from(from)
            .to(to)
            .subject(one_line(&self.subject, SUBJECT_BYTES_MAX))
            .date(at);
        let message = if self.is_plain {
            builder.singlepart(SinglePart::plain(self.text()))
        } else {
            let html = SinglePart::html(self.html());
            let text = MultiPart::alternative().singlepart(SinglePart::plain(self.text()));
            let both = match &self.picture {
                None => text.singlepart(html),
                Some(png) => {
                    let kind = ContentType::parse("image/png").map_err(|e| e.to_string())?;
                    let picture = Attachment::new_inline("picture".into()).body(png.clone(), kind);
                    text.multipart(MultiPart::related().singlepart(html).singlepart(picture))
                }
            };
            builder.multipart(both)
        };
        Ok(message.map_err(|e| e.to_string())?.formatted())
    }

    /// Returns the text alone.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let mut was_detail = false;
        for paragraph in &self.paragraphs {
            let is_detail = matches!(paragraph, Paragraph::Detail(..));
            if !out.is_empty() {
                out.push_str(if is_detail && was_detail { "\n" } else { "\n\n" });
            }
            was_detail = is_detail;
            let _ = match paragraph {
                Paragraph::Title(text) | Paragraph::Text(text) => write!(out, "{text}"),
                Paragraph::Detail(name, value) => write!(out, "{:<10} {value}", format!("{name}:")),
                Paragraph::Link(name, url) => write!(out, "{name}:\n{url}"),
                Paragraph::Picture => write!(out, "(The graph is in the HTML part of this mail.)"),
            };
        }
        out.push('\n');
        out
    }

    fn html(&self) -> String {
        let mut out = String::from(
            "<!doctype html><html><body style=\"font-family:sans-serif;font-size:14px;color:#16191f\">\n",
        );
        for paragraph in &self.paragraphs {
            let _ = match paragraph {
                Paragraph::Title(text) => {
                    writeln!(out, "<h2 style=\"font-size:18px\">{}</h2>", escaped(text))
                }
                Paragraph::Text(text) => {
                    writeln!(out, "<p style=\"white-space:pre-wrap\">{}</p>", escaped(text))
                }
                Paragraph::Detail(name, value) => {
                    writeln!(out, "<div><b>{name}</b> {}</div>", escaped(value))
                }
                Paragraph::Link(name, url) => {
                    writeln!(out, "<p><a href=\"{}\">{name}</a></p>", escaped(url))
                }
                Paragraph::Picture if self.picture.is_some() => {
                    writeln!(out, "<p><img src=\"cid:picture\" alt=\"graph\"></p>")
                }
                Paragraph::Picture => Ok(()),
            };
        }
        out.push_str("</body></html>\n");
        out
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() && c != '\n' && c != '\t' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail() -> Mail {
        Mail {
            from: "Sightline <alarms@example.com>".into(),
            to: "ann@example.com".into(),
            subject: "ALARM: \"<x>\"\r\nBcc: eve@example.com".into(),
            id: "1-2".into(),
            at_ms: 1_767_225_600_000,
            paragraphs: vec![
                Paragraph::Title("<script>alert(1)</script>".into()),
                Paragraph::Detail("Why", "a & b".into()),
                Paragraph::Detail("When", "now".into()),
                Paragraph::Link("Look", "https://h/?a=\"b\"".into()),
                Paragraph::Picture,
            ],
            picture: Some(b"\x89PNG".to_vec()),
            is_plain: false,
        }
    }

    #[test]
    fn nothing_leaves_its_place() {
        let bytes = mail().formatted().unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(!head.lines().any(|line| line.to_ascii_lowercase().starts_with("bcc:")), "{head}");
        assert!(
            head.contains("From: Sightline <alarms@example.com>")
                || head.contains("From: \"Sightline\"")
        );
        assert!(head.contains("Message-ID: <1-2@example.com>"));
        assert!(!body.contains("<script>alert(1)</script></h2>"));
        let html = mail().html();
        assert!(
            html.contains("&lt;script&gt;")
                && html.contains("a &amp; b")
                && html.contains("?a=&quot;b&quot;")
        );
        assert!(body.contains("Content-ID: <picture>") && body.contains("multipart/related"));
        let bad = Mail { to: "a@b\r\nBcc: c@d".into(), ..mail() };
        assert!(bad.formatted().is_err());
    }

    #[test]
    fn without_a_picture_there_is_none() {
        let without = Mail { picture: None, ..mail() };
        assert!(!without.html().contains("img"));
        assert!(
            !String::from_utf8(without.formatted().unwrap()).unwrap().contains("multipart/related")
        );
        assert!(mail().text().contains("Why:       a & b\nWhen:      now\n\nLook:\nhttps://"));
    }
}
