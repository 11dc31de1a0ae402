//! Reads searches.

use super::{CHARS_MAX, Condition, DEPTH_MAX, Place, Schema, Search, Term, Text};
use crate::{Diagnostic, Span};

/// Reads the text of a search.
///
/// # Errors
/// The first mistake of its structure, or every term that could never be found.
pub fn parse(source: &str) -> Result<Search, Vec<Diagnostic>> {
    if let Some((at, _)) = source.char_indices().nth(CHARS_MAX) {
        let span = Span { start: at, end: source.len() };
        let message = format!("the search is longer than {CHARS_MAX} characters");
        return Err(vec![Diagnostic::new(span, message)]);
    }
    let mut parser = Parser { source, at: 0, depth: 0, mistakes: Vec::new() };
    match parser.search() {
        Ok(search) if parser.mistakes.is_empty() => Ok(search),
        Ok(_) => Err(parser.mistakes),
        Err(mistake) => {
            parser.mistakes.push(mistake);
            Err(parser.mistakes)
        }
    }
}

struct Parser<'a> {
    source: &'a str,
    at: usize,
    depth: usize,
    /// Mistakes that reading goes on behind.
    mistakes: Vec<Diagnostic>,
}

/// A word as it is written.
struct Word {
    text: String,
    quoted: bool,
    span: Span,
}

type Parsed<T> = Result<T, Diagnostic>;

impl Parser<'_> {
    fn search(&mut self) -> Parsed<Search> {
        let schema = if self.take("{") { Some(self.schema()?) } else { None };
        if schema.is_some() {
            self.take(",");
        }
        let condition = if self.rest().is_empty() { None } else { Some(self.either(None)?) };
        if !self.rest().is_empty() {
            return Err(self.unexpected("a term, AND, OR or NOT"));
        }
        if schema.is_none() && condition.is_none() {
            let span = Span { start: 0, end: self.source.len() };
            return Err(Diagnostic::new(span, "there is nothing to search for")
                .with_hint("write a schema such as {AWS/EC2,InstanceId}, or a term, or both"));
        }
        Ok(Search { schema, condition })
    }

    fn schema(&mut self) -> Parsed<Schema> {
        let mut names: Vec<Word> = Vec::new();
        loop {
            let name = self.word(|c| ",{}".contains(c))?;
            let name = name.ok_or_else(|| self.unexpected("a namespace or dimension name"))?;
            if names.iter().skip(1).any(|known| known.text == name.text) {
                self.mistakes.push(Diagnostic::new(name.span, "this dimension is named twice"));
            }
            names.push(name);
            if self.take("}") {
                break;
            }
            if !self.take(",") {
                let mistake = self.unexpected("\",\" or \"}\"");
                return Err(mistake.with_hint("names with spaces stand in double quotes"));
            }
        }
        let mut names = names.into_iter().map(|word| word.text);
        let namespace = names.next().unwrap_or_default();
        Ok(Schema { namespace, dimensions: names.collect() })
    }

    fn either(&mut self, of: Option<&Place>) -> Parsed<Condition> {
        let mut all = vec![self.both(of)?];
        while self.take_keyword("OR") {
            all.push(self.both(of)?);
        }
        Ok(joined(all, Condition::Any))
    }

    fn both(&mut self, of: Option<&Place>) -> Parsed<Condition> {
        let mut all = vec![self.one(of)?];
        loop {
            if self.take_keyword("AND") {
                all.push(self.one(of)?);
                continue;
            }
            let rest = self.rest();
            if rest.is_empty() || rest.starts_with(')') || self.is_keyword("OR") {
                return Ok(joined(all, Condition::All));
            }
            all.push(self.one(of)?);
        }
    }

    /// Reads a condition; `of` is the property whose value it is about.
    fn one(&mut self, of: Option<&Place>) -> Parsed<Condition> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            let message = format!("conditions are nested deeper than {DEPTH_MAX}");
            return Err(Diagnostic::new(self.here(), message));
        }
        let found = self.nested(of);
        self.depth -= 1;
        found
    }

    fn nested(&mut self, of: Option<&Place>) -> Parsed<Condition> {
        if self.take_keyword("NOT") {
            return Ok(Condition::Not(Box::new(self.one(of)?)));
        }
        if self.is_keyword("AND") || self.is_keyword("OR") {
            let mistake = self.unexpected("a term");
            return Err(mistake.with_hint("a word that is an operator stands in double quotes"));
        }
        if self.take("(") {
            let inner = self.either(of)?;
            return if self.take(")") { Ok(inner) } else { Err(self.unexpected("\")\"")) };
        }
        let Some(word) = self.word(|c| "()\"{}=".contains(c))? else {
            return Err(self.unexpected("a term"));
        };
        if !self.rest().starts_with('=') {
            return Ok(self.term(of.cloned().unwrap_or(Place::Anywhere), word));
        }
        if of.is_some() {
            return Err(self.unexpected("a value, since this is the value of a property already"));
        }
        self.take("=");
        let place = match word.text.as_str() {
            "MetricName" => Place::MetricName,
            "Namespace" => Place::Namespace,
            ":aws.AccountId" => Place::Account,
            _ => Place::Dimension(word.text),
        };
        if self.rest().starts_with('(') {
            return self.one(Some(&place));
        }
        match self.word(|c| "()\"{}=".contains(c))? {
            Some(value) => Ok(self.term(place, value)),
            None => Err(self.unexpected("a value")),
        }
    }

    fn term(&mut self, place: Place, word: Word) -> Condition {
        let Word { text, quoted, span } = word;
        if !quoted && !text.contains(char::is_alphanumeric) {
            let mistake = Diagnostic::new(span, "a term without a letter or digit finds nothing");
            self.mistakes.push(mistake.with_hint("an exact text stands in double quotes"));
        }
        let text = if quoted { Text::Exact(text) } else { Text::Partial(text) };
        Condition::Term(Term { place, text, span })
    }

    /// Reads a word, quoted or up to a space or one of the characters that `ends`; `None` when none
    /// is there.
    fn word(&mut self, ends: impl Fn(char) -> bool) -> Parsed<Option<Word>> {
        let start = self.source.len() - self.rest().len();
        let quote = self.source[start..].chars().next();
        if let Some(quote @ ('"' | '\'')) = quote {
            self.at = start + 1;
            let text = self.quoted(start, quote)?;
            return Ok(Some(Word { text, quoted: true, span: Span { start, end: self.at } }));
        }
        let rest = &self.source[start..];
        let len = rest.find(|c: char| c.is_whitespace() || ends(c)).unwrap_or(rest.len());
        if len == 0 {
            return Ok(None);
        }
        self.at = start + len;
        let text = rest[..len].to_owned();
        Ok(Some(Word { text, quoted: false, span: Span { start, end: self.at } }))
    }

    fn quoted(&mut self, start: usize, quote: char) -> Parsed<String> {
        let mut text = String::new();
        let mut chars = self.source[self.at..].char_indices();
        while let Some((offset, c)) = chars.next() {
            if c == quote {
                self.at += offset + 1;
                return Ok(text);
            }
            if c != '\\' {
                text.push(c);
                continue;
            }
            match chars.next() {
                Some((_, escaped @ ('"' | '\'' | '\\' | '(' | ')'))) => text.push(escaped),
                _ => {
                    let at = self.at + offset;
                    let mistake =
                        Diagnostic::new(Span { start: at, end: at + 1 }, "a lone backslash");
                    return Err(mistake.with_hint("write it twice"));
                }
            }
        }
        let span = Span { start, end: self.source.len() };
        Err(Diagnostic::new(span, "a quoted text without its end"))
    }

    fn rest(&self) -> &str {
        self.source[self.at..].trim_start()
    }

    fn take(&mut self, mark: &str) -> bool {
        let start = self.source.len() - self.rest().len();
        let there = self.source[start..].starts_with(mark);
        if there {
            self.at = start + mark.len();
        }
        there
    }

    fn is_keyword(&self, word: &str) -> bool {
        let behind = self.rest().strip_prefix(word).map(|rest| rest.chars().next());
        behind.is_some_and(|c| c.is_none_or(|c| c.is_whitespace() || "()\"'".contains(c)))
    }

    fn take_keyword(&mut self, word: &str) -> bool {
        self.is_keyword(word) && self.take(word)
    }

    fn here(&self) -> Span {
        let start = self.source.len() - self.rest().len();
        let len = self.rest().chars().next().map_or(0, char::len_utf8);
        Span { start, end: start + len }
    }

    fn unexpected(&self, expected: &str) -> Diagnostic {
        let span = self.here();
        let found = match span.of(self.source) {
            "" => "end".to_owned(),
            text => format!("{text:?}"),
        };
        Diagnostic::new(span, format!("unexpected {found}, expected {expected}"))
    }
}

fn joined(mut all: Vec<Condition>, join: fn(Vec<Condition>) -> Condition) -> Condition {
    if all.len() == 1 { all.swap_remove(0) } else { join(all) }
}
