//! XML answers of the query protocol. Only written, never read: requests are forms.

use super::query::{form_name, scalar_text};
use crate::schema::{Kind, Operation, Service, Shape, TimestampFormat};
use crate::value::{Struct, Value};

/// Writes the answer of an operation with its result and its metadata.
pub fn encode(
    service: &Service,
    operation: &Operation,
    output: Option<&Struct<'_>>,
    request_id: &str,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    let root = format!("{}Response", operation.name);
    open_root(&root, service.xml_namespace, &mut out);
    if operation.output.is_some() {
        element(operation.result_wrapper, &mut out, |out| {
            if let Some(output) = output {
                write_members(output, out);
            }
        });
    }
    element("ResponseMetadata", &mut out, |out| text_element("RequestId", request_id, out));
    close(&root, &mut out);
    out
}

/// What an error says in XML.
#[derive(Debug, Clone, Copy)]
pub struct XmlError<'e> {
    /// Code in the query protocol.
    pub code: &'e str,
    /// Whether the sender is to blame.
    pub sender: bool,
    /// Text, where the error has one.
    pub message: Option<&'e str>,
    /// Modelled members beside the message.
    pub members: Option<&'e Struct<'e>>,
}

/// Writes an error.
pub fn encode_error(xml_namespace: &str, error: &XmlError<'_>, request_id: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    open_root("ErrorResponse", xml_namespace, &mut out);
    element("Error", &mut out, |out| {
        text_element("Type", if error.sender { "Sender" } else { "Receiver" }, out);
        text_element("Code", error.code, out);
        if let Some(message) = error.message {
            text_element("Message", message, out);
        }
        if let Some(members) = error.members {
            write_members(members, out);
        }
    });
    text_element("RequestId", request_id, &mut out);
    close("ErrorResponse", &mut out);
    out
}

fn open_root(name: &str, xml_namespace: &str, out: &mut Vec<u8>) {
    out.push(b'<');
    out.extend_from_slice(name.as_bytes());
    if !xml_namespace.is_empty() {
        out.extend_from_slice(b" xmlns=\"");
        escape(xml_namespace, out);
        out.push(b'"');
    }
    out.push(b'>');
}

fn close(name: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"</");
    out.extend_from_slice(name.as_bytes());
    out.push(b'>');
}

/// Writes an element around what `inside` writes; `<Name/>` when that is nothing.
fn element(name: &str, out: &mut Vec<u8>, inside: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'<');
    out.extend_from_slice(name.as_bytes());
    out.push(b'>');
    let before = out.len();
    inside(out);
    if out.len() == before {
        out.pop();
        out.extend_from_slice(b"/>");
    } else {
        close(name, out);
    }
}

fn text_element(name: &str, text: &str, out: &mut Vec<u8>) {
    element(name, out, |out| escape(text, out));
}

/// Escapes text. Characters that XML 1.0 cannot hold at all become the replacement character,
/// since no reader would take the answer otherwise.
fn escape(text: &str, out: &mut Vec<u8>) {
    let mut buffer = [0; 4];
    for c in text.chars() {
        let escaped = match c {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '"' => "&quot;",
            // A reader would turn a bare carriage return into a newline.
            '\r' => "&#xD;",
            '\t' | '\n' => c.encode_utf8(&mut buffer),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => "\u{fffd}",
            other => other.encode_utf8(&mut buffer),
        };
        out.extend_from_slice(escaped.as_bytes());
    }
}

fn write_members(value: &Struct<'_>, out: &mut Vec<u8>) {
    for (member, inner) in value.shape().members().iter().zip(value.members()) {
        write_value(form_name(member), inner, member.shape, member.timestamp_format, out);
    }
}

fn write_value(
    name: &str,
    value: &Value<'_>,
    shape: &Shape,
    format: Option<TimestampFormat>,
    out: &mut Vec<u8>,
) {
    match (value, &shape.kind) {
        (Value::Null, _) => {}
        (Value::Struct(inner), _) => element(name, out, |out| write_members(inner, out)),
        (Value::List(list), Kind::List(of)) if of.flattened => {
            for value in list {
                write_value(name, value, of.member, None, out);
            }
        }
        (Value::List(list), Kind::List(of)) => element(name, out, |out| {
            for value in list {
                write_value(of.member_name, value, of.member, None, out);
            }
        }),
        (Value::Map(entries), Kind::Map(of)) => {
            let write_entries = |entry_name: &str, out: &mut Vec<u8>| {
                for (key, value) in entries {
                    element(entry_name, out, |out| {
                        text_element(of.names.0, key, out);
                        write_value(of.names.1, value, of.value, None, out);
                    });
                }
            };
            if of.flattened {
                write_entries(name, out);
            } else {
                element(name, out, |out| write_entries("entry", out));
            }
        }
        (scalar, kind) => {
            let text = scalar_text(scalar, kind, format, TimestampFormat::Iso8601);
            text_element(name, &text.unwrap_or_default(), out);
        }
    }
}
