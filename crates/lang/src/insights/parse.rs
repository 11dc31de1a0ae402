//! Reads statements.

use super::lexer::{Kind, Token, tokens};
use super::{BYTES_MAX, DEPTH_MAX, Filter, Function, OrderBy, Query};
use crate::{Diagnostic, Span};

/// Reads a statement.
///
/// # Errors
/// The first mistake of its structure, or every name in it that is not served.
pub fn parse(source: &str) -> Result<Query, Vec<Diagnostic>> {
    if source.len() > BYTES_MAX {
        let span = Span { start: BYTES_MAX, end: BYTES_MAX }.floor(source);
        let message = format!("the statement is longer than {BYTES_MAX} bytes");
        return Err(vec![Diagnostic::new(span, message)]);
    }
    let tokens = tokens(source).map_err(|mistake| vec![mistake])?;
    let mut parser = Parser { source, tokens, at: 0, depth: 0, mistakes: Vec::new() };
    match parser.query() {
        Ok(query) if parser.mistakes.is_empty() => Ok(query),
        Ok(_) => Err(parser.mistakes),
        Err(mistake) => {
            parser.mistakes.push(mistake);
            Err(parser.mistakes)
        }
    }
}

struct Parser<'a> {
    source: &'a str,
    /// The last one is [`Kind::End`].
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    /// Mistakes that reading goes on behind.
    mistakes: Vec<Diagnostic>,
}

type Parsed<T> = Result<T, Diagnostic>;

impl Parser<'_> {
    fn query(&mut self) -> Parsed<Query> {
        self.expect_keyword("SELECT")?;
        let function = self.function()?;
        self.expect_mark("(")?;
        let metric = self.name("the name of a metric")?;
        self.expect_mark(")")?;
        self.expect_keyword("FROM")?;
        let (namespace, schema) = self.from()?;
        let filter = if self.take_keyword("WHERE") { Some(self.either()?) } else { None };
        let group_by = self.group_by()?;
        let order_by = self.order_by()?;
        let limit = self.limit()?;
        if *self.peek() != Kind::End {
            return Err(self.unexpected("the end, or WHERE, GROUP BY, ORDER BY and LIMIT in order"));
        }
        Ok(Query { function, metric, namespace, schema, filter, group_by, order_by, limit })
    }

    fn function(&mut self) -> Parsed<Function> {
        if let Kind::Keyword(word) = *self.peek()
            && let Some((_, function)) = Function::ALL.iter().find(|(name, _)| *name == word)
        {
            self.at += 1;
            return Ok(*function);
        }
        Err(self.unexpected("AVG, COUNT, MAX, MIN or SUM"))
    }

    fn from(&mut self) -> Parsed<(String, Option<Vec<String>>)> {
        if !self.take_keyword("SCHEMA") {
            return Ok((self.name("a namespace or SCHEMA")?, None));
        }
        self.expect_mark("(")?;
        let namespace = self.name("a namespace")?;
        let mut names: Vec<String> = Vec::new();
        while self.take_mark(",") {
            let span = self.span();
            if let Some(name) = self.label()? {
                if names.contains(&name) {
                    self.mistakes.push(Diagnostic::new(span, "this dimension is named twice"));
                }
                names.push(name);
            }
        }
        self.expect_mark(")")?;
        Ok((namespace, Some(names)))
    }

    fn group_by(&mut self) -> Parsed<Vec<String>> {
        let mut names: Vec<String> = Vec::new();
        if !self.take_keyword("GROUP") {
            return Ok(names);
        }
        self.expect_keyword("BY")?;
        loop {
            let span = self.span();
            if let Some(name) = self.label()? {
                if names.contains(&name) {
                    self.mistakes.push(Diagnostic::new(span, "this label is named twice"));
                }
                names.push(name);
            }
            if !self.take_mark(",") {
                return Ok(names);
            }
        }
    }

    fn order_by(&mut self) -> Parsed<Option<OrderBy>> {
        if !self.take_keyword("ORDER") {
            return Ok(None);
        }
        self.expect_keyword("BY")?;
        let function = self.function()?;
        self.expect_mark("(")?;
        if !self.take_mark(")") {
            let mistake = self.unexpected("\")\"");
            return Err(mistake.with_hint(
                "the function of ORDER BY is over the results: write it without a name",
            ));
        }
        let descending = self.take_keyword("DESC");
        if !descending {
            self.take_keyword("ASC");
        }
        Ok(Some(OrderBy { function, descending }))
    }

    fn limit(&mut self) -> Parsed<Option<u32>> {
        if !self.take_keyword("LIMIT") {
            return Ok(None);
        }
        let text = self.span().of(self.source);
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        match text.parse() {
            Ok(limit @ 1..) if digits => {
                self.at += 1;
                Ok(Some(limit))
            }
            _ => Err(self.unexpected("a number from 1 on")),
        }
    }

    fn either(&mut self) -> Parsed<Filter> {
        let mut all = vec![self.both()?];
        while self.take_keyword("OR") {
            all.push(self.both()?);
        }
        Ok(joined(all, Filter::Any))
    }

    fn both(&mut self) -> Parsed<Filter> {
        let mut all = vec![self.one()?];
        while self.take_keyword("AND") {
            all.push(self.one()?);
        }
        Ok(joined(all, Filter::All))
    }

    fn one(&mut self) -> Parsed<Filter> {
        if !self.take_mark("(") {
            return self.comparison();
        }
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            let message = format!("conditions are nested deeper than {DEPTH_MAX}");
            return Err(Diagnostic::new(self.span(), message));
        }
        let inner = self.either()?;
        self.expect_mark(")")?;
        self.depth -= 1;
        Ok(inner)
    }

    fn comparison(&mut self) -> Parsed<Filter> {
        let label = self.label()?.unwrap_or_default();
        let is = |values, negated| Filter::Is { label, values, negated };
        if self.take_mark("=") {
            return Ok(is(vec![self.value()?], false));
        }
        if self.take_mark("!=") {
            return Ok(is(vec![self.value()?], true));
        }
        let negated = self.take_keyword("NOT");
        if !self.take_keyword("IN") {
            return Err(self.unexpected(if negated { "IN" } else { "=, !=, IN or NOT IN" }));
        }
        self.expect_mark("(")?;
        let mut values = vec![self.value()?];
        while self.take_mark(",") {
            values.push(self.value()?);
        }
        self.expect_mark(")")?;
        Ok(is(values, negated))
    }

    fn value(&mut self) -> Parsed<String> {
        if let Kind::Value(text) = self.peek() {
            let text = text.clone();
            self.at += 1;
            return Ok(text);
        }
        Err(self.unexpected("a value").with_hint("values stand in single quotes"))
    }

    fn name(&mut self, expected: &str) -> Parsed<String> {
        let token = &self.tokens[self.at];
        let name = match &token.kind {
            Kind::Name(name) if name.is_empty() => {
                return Err(Diagnostic::new(token.span, "an empty name"));
            }
            Kind::Name(name) => name.clone(),
            Kind::Bare => token.span.of(self.source).to_owned(),
            Kind::Keyword(_) => {
                let hint = "a name that is a keyword stands in double quotes";
                return Err(self.unexpected(expected).with_hint(hint));
            }
            Kind::Value(_) => {
                let hint = "names stand in double quotes, single ones are for values";
                return Err(self.unexpected(expected).with_hint(hint));
            }
            _ => return Err(self.unexpected(expected)),
        };
        self.at += 1;
        Ok(name)
    }

    /// Reads the name of a dimension; `None` for what is written well and not served.
    fn label(&mut self) -> Parsed<Option<String>> {
        let start = self.span();
        let bare = *self.peek() == Kind::Bare;
        let name = self.name("the name of a dimension")?;
        if !bare || !self.take_mark(".") {
            return Ok(Some(name));
        }
        let end = self.span();
        let inner = self.name("a name")?;
        let span = start.to(end);
        self.mistakes.push(match name.to_ascii_lowercase().as_str() {
            "tag" => Diagnostic::new(span, format!("not served yet: the resource tag `{inner}`")),
            "aws" => Diagnostic::new(span, format!("not served yet: the label AWS.{inner}"))
                .with_hint("a query sees the metrics of its own account only"),
            _ => Diagnostic::new(span, "a name with a point")
                .with_hint(format!("write \"{name}.{inner}\"")),
        });
        Ok(None)
    }

    fn peek(&self) -> &Kind {
        &self.tokens[self.at].kind
    }

    fn span(&self) -> Span {
        self.tokens[self.at].span
    }

    fn take(&mut self, wanted: &Kind) -> bool {
        let there = self.peek() == wanted;
        self.at += usize::from(there);
        there
    }

    fn take_keyword(&mut self, word: &'static str) -> bool {
        self.take(&Kind::Keyword(word))
    }

    fn take_mark(&mut self, mark: &'static str) -> bool {
        self.take(&Kind::Mark(mark))
    }

    fn expect_keyword(&mut self, word: &'static str) -> Parsed<()> {
        if self.take_keyword(word) { Ok(()) } else { Err(self.unexpected(word)) }
    }

    fn expect_mark(&mut self, mark: &'static str) -> Parsed<()> {
        if self.take_mark(mark) { Ok(()) } else { Err(self.unexpected(&format!("{mark:?}"))) }
    }

    fn unexpected(&self, expected: &str) -> Diagnostic {
        let token = &self.tokens[self.at];
        let found = match &token.kind {
            Kind::End => "the end".to_owned(),
            _ => format!("{:?}", token.span.of(self.source)),
        };
        Diagnostic::new(token.span, format!("unexpected {found}, expected {expected}"))
    }
}

fn joined(mut all: Vec<Filter>, join: fn(Vec<Filter>) -> Filter) -> Filter {
    if all.len() == 1 { all.swap_remove(0) } else { join(all) }
}
