//! Prints searches back, so that reading gives the same tree.

use super::{Condition, Place, Schema, Search, Term, Text};
use std::fmt::{self, Write as _};

impl fmt::Display for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            schema.fmt(f)?;
        }
        let Some(condition) = &self.condition else { return Ok(()) };
        let shown = condition.to_string();
        match &self.schema {
            // The first comma behind a schema would be taken for its own.
            Some(_) if shown.starts_with(',') => write!(f, ", {shown}"),
            Some(_) => write!(f, " {shown}"),
            None => f.write_str(&shown),
        }
    }
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('{')?;
        write_name(f, &self.namespace)?;
        for name in &self.dimensions {
            f.write_char(',')?;
            write_name(f, name)?;
        }
        f.write_char('}')
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(all) => write_joined(f, all, " AND "),
            Self::Any(all) => write_joined(f, all, " OR "),
            Self::Not(inner) => {
                f.write_str("NOT ")?;
                write_inner(f, inner)
            }
            Self::Term(term) => term.fmt(f),
        }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Anywhere => {}
            Place::MetricName => f.write_str("MetricName=")?,
            Place::Namespace => f.write_str("Namespace=")?,
            Place::Account => f.write_str(":aws.AccountId=")?,
            Place::Dimension(name) => {
                write_name(f, name)?;
                f.write_char('=')?;
            }
        }
        match &self.text {
            Text::Exact(text) => write_quoted(f, text),
            Text::Partial(text) => f.write_str(text),
        }
    }
}

fn write_joined(f: &mut fmt::Formatter<'_>, all: &[Condition], join: &str) -> fmt::Result {
    for (n, one) in all.iter().enumerate() {
        if n > 0 {
            f.write_str(join)?;
        }
        write_inner(f, one)?;
    }
    Ok(())
}

fn write_inner(f: &mut fmt::Formatter<'_>, condition: &Condition) -> fmt::Result {
    match condition {
        Condition::All(_) | Condition::Any(_) => write!(f, "({condition})"),
        _ => write!(f, "{condition}"),
    }
}

/// Writes a name, in quotes unless it is plain and no operator.
fn write_name(f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_/.-#".contains(c);
    let operator = ["AND", "OR", "NOT"].contains(&name);
    if !name.is_empty() && !operator && name.chars().all(plain) {
        return f.write_str(name);
    }
    write_quoted(f, name)
}

fn write_quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        if matches!(c, '"' | '\\' | '(' | ')') {
            f.write_char('\\')?;
        }
        f.write_char(c)?;
    }
    f.write_char('"')
}
