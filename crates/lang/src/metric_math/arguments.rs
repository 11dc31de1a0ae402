//! What each function takes: how many arguments, and which of them are words or texts.

use super::function::{Aggregate, Function, NOT_SERVED};
use super::nearest::nearest;
use super::parser::Parser;
use super::{Expr, ExprKind, Fill, Search, SortBy, SortOrder};
use crate::{Diagnostic, Span};

/// An argument as it was written.
pub(super) enum Argument {
    Expr(Expr),
    /// A text; `inside` is without its quotes.
    Text {
        text: String,
        span: Span,
        inside: Span,
    },
    /// A word in capitals that is no call.
    Word {
        word: String,
        span: Span,
    },
}

impl Argument {
    fn span(&self) -> Span {
        match self {
            Self::Expr(expr) => expr.span,
            Self::Text { span, .. } | Self::Word { span, .. } => *span,
        }
    }

    /// Says what it is, for a sentence.
    fn what(&self) -> String {
        match self {
            Self::Expr(Expr { kind: ExprKind::Number(_), .. }) => "a number".to_owned(),
            Self::Expr(Expr { kind: ExprKind::Id(id), .. }) => format!("the id {id}"),
            Self::Expr(_) => "an expression".to_owned(),
            Self::Text { .. } => "a text".to_owned(),
            Self::Word { word, .. } => format!("the word {word}"),
        }
    }
}

/// Makes the call of a known function of its arguments; of those with a mistake there is none, and
/// then none of the call. Notes what is wrong.
pub(super) fn call(
    parser: &mut Parser<'_>,
    name: &'static str,
    name_span: Span,
    span: Span,
    arguments: Vec<Option<Argument>>,
) -> Option<ExprKind> {
    if NOT_SERVED.contains(&name) {
        parser.mistake(Diagnostic::new(name_span, format!("function {name} is not served yet")));
        return None;
    }
    // `METRICS(...)` and its like take a number of arguments between two bounds.
    let (least, most) = counts(name);
    if arguments.len() < least || arguments.len() > most {
        parser.mistake(wrong_count(name, span, least, most, &arguments));
        return None;
    }
    let arguments: Option<Vec<Argument>> = arguments.into_iter().collect();
    let mut call =
        Call { parser, name, arguments: arguments?.into_iter(), taken: 0, failed: false };
    let kind = call.kind();
    if call.failed { None } else { kind }
}

fn counts(name: &str) -> (usize, usize) {
    match name {
        "FILL" => (2, 2),
        "IF" | "SEARCH" | "SLICE" => (2, 3),
        "METRICS" => (0, 1),
        "SORT" => (3, 4),
        _ => (1, 1),
    }
}

/// Returns how a function is called.
fn signature(name: &str) -> String {
    match name {
        "FILL" => "FILL(TS or TS[], number or REPEAT or LINEAR or TS)".to_owned(),
        "IF" => "IF(condition, then) or IF(condition, then, otherwise)".to_owned(),
        "METRICS" => "METRICS() or METRICS('part of an id')".to_owned(),
        "PERIOD" => "PERIOD(id of a metric)".to_owned(),
        "SEARCH" => {
            "SEARCH('expression', 'Statistic') or SEARCH('expression', 'Statistic', period)"
                .to_owned()
        }
        "SLICE" => "SLICE(TS[], start) or SLICE(TS[], start, end)".to_owned(),
        "SORT" => "SORT(TS[], AVG or MIN or MAX or SUM, ASC or DESC) with an optional limit behind"
            .to_owned(),
        "TIME_SERIES" => "TIME_SERIES(number)".to_owned(),
        "FIRST" | "LAST" | "REMOVE_EMPTY" | "METRIC_COUNT" => format!("{name}(TS[])"),
        _ => match Function::named(name) {
            Some(Function::Calendar(_)) => format!("{name}(TS)"),
            _ => format!("{name}(TS) or {name}(TS[])"),
        },
    }
}

fn wrong_count(
    name: &str,
    span: Span,
    least: usize,
    most: usize,
    arguments: &[Option<Argument>],
) -> Diagnostic {
    let takes = match (least, most) {
        (0, 1) => "at most 1 argument".to_owned(),
        (1, 1) => "1 argument".to_owned(),
        (least, most) if least == most => format!("{least} arguments"),
        (least, most) => format!("{least} or {most} arguments"),
    };
    let mistake = Diagnostic::new(span, format!("{name} takes {takes}, found {}", arguments.len()));
    let aggregate = matches!(Function::named(name), Some(Function::Aggregate(_)));
    if aggregate && arguments.len() > 1 {
        mistake.with_hint(format!("several series stand in a list: {name}([m1, m2])"))
    } else {
        mistake.with_hint(format!("write {}", signature(name)))
    }
}

/// Takes the arguments of a call one after the other.
struct Call<'c, 'p> {
    parser: &'c mut Parser<'p>,
    name: &'static str,
    arguments: std::vec::IntoIter<Argument>,
    taken: usize,
    failed: bool,
}

impl Call<'_, '_> {
    fn kind(&mut self) -> Option<ExprKind> {
        if let Some(function) = Function::named(self.name) {
            return Some(ExprKind::Call(function, self.expr()?));
        }
        match self.name {
            "IF" => {
                let (condition, then) = (self.expr(), self.expr());
                let otherwise = self.optional_expr();
                Some(ExprKind::If { condition: condition?, then: then?, otherwise })
            }
            "FILL" => {
                let (series, with) = (self.expr(), self.fill());
                Some(ExprKind::Fill { series: series?, with: with? })
            }
            "METRICS" => match self.arguments.len() {
                0 => Some(ExprKind::Metrics(None)),
                _ => self.text().map(|(text, _)| ExprKind::Metrics(Some(text))),
            },
            "PERIOD" => self.period(),
            "SEARCH" => self.search(),
            "SLICE" => {
                let (array, start, end) = (self.expr(), self.expr(), self.optional_expr());
                Some(ExprKind::Slice { array: array?, start: start?, end })
            }
            _ => {
                let (array, by, order) = (self.expr(), self.sort_by(), self.sort_order());
                let limit = self.optional_expr();
                Some(ExprKind::Sort { array: array?, by: by?, order: order?, limit })
            }
        }
    }

    fn next(&mut self) -> Argument {
        self.taken += 1;
        self.arguments.next().expect("arguments were counted")
    }

    /// Notes that an argument is not of its kind.
    fn refuse<T>(&mut self, argument: &Argument, expected: &str) -> Option<T> {
        let ordinal = ["first", "second", "third", "fourth"][self.taken - 1];
        let message = format!(
            "{} takes {expected} as its {ordinal} argument, found {}",
            self.name,
            argument.what()
        );
        let hint = format!("write {}", signature(self.name));
        self.parser.mistake(Diagnostic::new(argument.span(), message).with_hint(hint));
        self.failed = true;
        None
    }

    fn expr(&mut self) -> Option<Box<Expr>> {
        match self.next() {
            Argument::Expr(expr) => Some(Box::new(expr)),
            other => self.refuse(&other, "an expression"),
        }
    }

    fn optional_expr(&mut self) -> Option<Box<Expr>> {
        if self.arguments.len() == 0 { None } else { self.expr() }
    }

    fn text(&mut self) -> Option<(String, Span)> {
        match self.next() {
            Argument::Text { text, inside, .. } => Some((text, inside)),
            other => self.refuse(&other, "a text in quotes"),
        }
    }

    fn fill(&mut self) -> Option<Fill> {
        match self.next() {
            Argument::Expr(expr) => Some(Fill::With(Box::new(expr))),
            Argument::Word { word, .. } if word == "REPEAT" => Some(Fill::Repeat),
            Argument::Word { word, .. } if word == "LINEAR" => Some(Fill::Linear),
            other => self.refuse(&other, "a number, a series, REPEAT or LINEAR"),
        }
    }

    fn sort_by(&mut self) -> Option<SortBy> {
        const BY: [SortBy; 4] = [Aggregate::Avg, Aggregate::Min, Aggregate::Max, Aggregate::Sum];
        let argument = self.next();
        if let Argument::Word { word, .. } = &argument
            && let Some(by) = BY.into_iter().find(|by| by.name() == word)
        {
            return Some(by);
        }
        self.refuse(&argument, "AVG, MIN, MAX or SUM")
    }

    fn sort_order(&mut self) -> Option<SortOrder> {
        match self.next() {
            Argument::Word { word, .. } if word == "ASC" => Some(SortOrder::Ascending),
            Argument::Word { word, .. } if word == "DESC" => Some(SortOrder::Descending),
            other => self.refuse(&other, "ASC or DESC"),
        }
    }

    fn period(&mut self) -> Option<ExprKind> {
        match self.next() {
            Argument::Expr(Expr { kind: ExprKind::Id(id), span: id_span }) => {
                Some(ExprKind::Period { id, id_span })
            }
            other => self.refuse(&other, "the id of a metric"),
        }
    }

    fn search(&mut self) -> Option<ExprKind> {
        let (text, stat) = (self.text(), self.text());
        let period_s = if self.arguments.len() == 0 { None } else { self.period_s() };
        let index = self.parser.searches;
        self.parser.searches += 1;
        let ((text, text_span), (stat, stat_span)) = (text?, stat?);
        let search = Search { index, text, text_span, stat, stat_span, period_s };
        Some(ExprKind::Search(search))
    }

    /// Reads a period that a metric may have: 1, 5, 10, 20 or 30 seconds, or whole minutes.
    fn period_s(&mut self) -> Option<u32> {
        let argument = self.next();
        if let Argument::Expr(Expr { kind: ExprKind::Number(number), .. }) = &argument
            && (1.0..=f64::from(u32::MAX)).contains(number)
            && number.fract() == 0.0
        {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
            let seconds = *number as u32;
            if matches!(seconds, 1 | 5 | 10 | 20 | 30) || seconds.is_multiple_of(60) {
                return Some(seconds);
            }
        }
        self.refuse(&argument, "a period of 1, 5, 10, 20, 30 or a multiple of 60 seconds")
    }
}

/// Returns the keyword that an unknown id may have been meant to be.
pub(super) fn keyword_in_small_letters(id: &str) -> Option<&'static str> {
    let keywords = super::function::KEYWORDS;
    keywords.into_iter().find(|keyword| keyword.eq_ignore_ascii_case(id))
}

/// Returns the id next to an unknown one.
pub(super) fn nearest_id<'a>(id: &str, known: &[&'a str]) -> Option<&'a str> {
    nearest(id, known.iter().copied())
}
