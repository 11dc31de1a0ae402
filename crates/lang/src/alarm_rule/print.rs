//! Prints rules back, so that reading gives the same tree: names in quotes, parentheses where the
//! tree needs them.

use super::{AlarmRef, AtLeast, Quorum, Rule};
use std::fmt::{self, Write as _};

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant(true) => f.write_str("TRUE"),
            Self::Constant(false) => f.write_str("FALSE"),
            Self::Is(state, alarm) => write!(f, "{state}({alarm})"),
            Self::AtLeast(at_least) => at_least.fmt(f),
            Self::Not(inner) => {
                f.write_str("NOT ")?;
                write_inner(f, inner, matches!(**inner, Self::All(_) | Self::Any(_)))
            }
            Self::All(all) => {
                write_joined(f, all, " AND ", |one| matches!(one, Self::All(_) | Self::Any(_)))
            }
            Self::Any(all) => write_joined(f, all, " OR ", |one| matches!(one, Self::Any(_))),
        }
    }
}

impl fmt::Display for AtLeast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let not = if self.negated { "NOT " } else { "" };
        write!(f, "AT_LEAST({}, {not}{}, (", self.quorum, self.state)?;
        for (n, alarm) in self.alarms.iter().enumerate() {
            write!(f, "{}{alarm}", if n > 0 { ", " } else { "" })?;
        }
        f.write_str("))")
    }
}

impl fmt::Display for Quorum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl fmt::Display for AlarmRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for c in self.text.chars() {
            if matches!(c, '"' | '\\') {
                f.write_char('\\')?;
            }
            f.write_char(c)?;
        }
        f.write_char('"')
    }
}

fn write_joined(
    f: &mut fmt::Formatter<'_>,
    all: &[Rule],
    join: &str,
    in_parentheses: impl Fn(&Rule) -> bool,
) -> fmt::Result {
    for (n, one) in all.iter().enumerate() {
        if n > 0 {
            f.write_str(join)?;
        }
        write_inner(f, one, in_parentheses(one))?;
    }
    Ok(())
}

fn write_inner(f: &mut fmt::Formatter<'_>, rule: &Rule, in_parentheses: bool) -> fmt::Result {
    if in_parentheses { write!(f, "({rule})") } else { write!(f, "{rule}") }
}
