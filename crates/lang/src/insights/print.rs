//! Prints statements back, so that reading gives the same tree.

use super::lexer::KEYWORDS;
use super::{Filter, Query};
use std::fmt::{self, Write as _};

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SELECT {}({}) FROM ", self.function.keyword(), Name(&self.metric))?;
        match &self.schema {
            None => write!(f, "{}", Name(&self.namespace))?,
            Some(names) => {
                write!(f, "SCHEMA({}", Name(&self.namespace))?;
                names.iter().try_for_each(|name| write!(f, ", {}", Name(name)))?;
                f.write_char(')')?;
            }
        }
        if let Some(filter) = &self.filter {
            write!(f, " WHERE {filter}")?;
        }
        for (n, name) in self.group_by.iter().enumerate() {
            write!(f, "{}{}", if n == 0 { " GROUP BY " } else { ", " }, Name(name))?;
        }
        if let Some(order) = &self.order_by {
            let way = if order.descending { "DESC" } else { "ASC" };
            write!(f, " ORDER BY {}() {way}", order.function.keyword())?;
        }
        match self.limit {
            Some(limit) => write!(f, " LIMIT {limit}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(all) => write_joined(f, all, " AND "),
            Self::Any(all) => write_joined(f, all, " OR "),
            Self::Is { label, values, negated } => match (values.as_slice(), negated) {
                ([value], false) => write!(f, "{} = {}", Name(label), Value(value)),
                ([value], true) => write!(f, "{} != {}", Name(label), Value(value)),
                (values, negated) => {
                    write!(f, "{} {}IN (", Name(label), if *negated { "NOT " } else { "" })?;
                    for (n, value) in values.iter().enumerate() {
                        write!(f, "{}{}", if n == 0 { "" } else { ", " }, Value(value))?;
                    }
                    f.write_char(')')
                }
            },
        }
    }
}

fn write_joined(f: &mut fmt::Formatter<'_>, all: &[Filter], join: &str) -> fmt::Result {
    for (n, one) in all.iter().enumerate() {
        if n > 0 {
            f.write_str(join)?;
        }
        match one {
            Filter::Is { .. } => write!(f, "{one}")?,
            _ => write!(f, "({one})")?,
        }
    }
    Ok(())
}

/// A name, in quotes unless it is plain and no keyword.
struct Name<'a>(&'a str);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = self.0.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if plain && !self.0.is_empty() && !KEYWORDS.iter().any(|k| k.eq_ignore_ascii_case(self.0)) {
            return f.write_str(self.0);
        }
        write_quoted(f, self.0, '"')
    }
}

struct Value<'a>(&'a str);

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_quoted(f, self.0, '\'')
    }
}

fn write_quoted(f: &mut fmt::Formatter<'_>, text: &str, quote: char) -> fmt::Result {
    f.write_char(quote)?;
    for c in text.chars() {
        if c == quote || c == '\\' {
            f.write_char('\\')?;
        }
        f.write_char(c)?;
    }
    f.write_char(quote)
}
