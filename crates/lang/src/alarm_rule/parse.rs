//! Reads rules, and goes on behind a mistake so that all are told at once.

use super::lexer::{Token, TokenKind, tokens};
use super::{AlarmRef, AlarmState, AtLeast, DEPTH_MAX, Limits, Quorum, Rule};
use crate::{Diagnostic, Span};

/// Reads a rule within the limits of the service.
///
/// # Errors
/// Every mistake of its form, and what goes beyond the limits, in the order of the text.
pub fn parse(source: &str) -> Result<Rule, Vec<Diagnostic>> {
    parse_within(source, &Limits::default())
}

/// Reads a rule within limits.
///
/// # Errors
/// Every mistake of its form, and what goes beyond the limits, in the order of the text.
pub fn parse_within(source: &str, limits: &Limits) -> Result<Rule, Vec<Diagnostic>> {
    if let Some((at, _)) = source.char_indices().nth(limits.chars_max) {
        let span = Span { start: at, end: source.len() };
        let message = format!("the rule is longer than {} characters", limits.chars_max);
        return Err(vec![Diagnostic::new(span, message)]);
    }
    let (tokens, mistakes) = tokens(source);
    let mut parser = Parser {
        source,
        tokens,
        at: 0,
        depth: 0,
        elements: 0,
        limits: *limits,
        mistakes,
        cut: None,
    };
    let rule = parser.rule();
    if let Some(cut) = parser.cut {
        return Err(vec![cut]);
    }
    let mut mistakes = parser.mistakes;
    check_children(&rule, limits, &mut mistakes);
    mistakes.sort_by_key(|mistake| mistake.span);
    if mistakes.is_empty() { Ok(rule) } else { Err(mistakes) }
}

fn check_children(rule: &Rule, limits: &Limits, mistakes: &mut Vec<Diagnostic>) {
    if let Some(first) = rule.children().get(limits.children_max) {
        let message = format!("the rule is about more than {} alarms", limits.children_max);
        mistakes.push(Diagnostic::new(first.span, message));
    }
}

struct Parser<'a> {
    source: &'a str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    elements: usize,
    limits: Limits,
    mistakes: Vec<Diagnostic>,
    /// Where nesting became too deep; nothing behind it was read, so all else is of no interest.
    cut: Option<Diagnostic>,
}

/// Stands where a part could not be read; the mistake was told already.
const UNREAD: Rule = Rule::Constant(false);

type Parsed<T> = Result<T, Diagnostic>;

impl Parser<'_> {
    fn rule(&mut self) -> Rule {
        if self.tokens.len() == 1 {
            let span = Span { start: 0, end: self.source.len() };
            let mistake = Diagnostic::new(span, "the rule is empty");
            self.mistakes.push(mistake.with_hint("write for example ALARM(\"name\")"));
            return UNREAD;
        }
        let rule = self.either();
        while self.kind() != &TokenKind::End {
            let mistake = match self.kind() {
                TokenKind::Close => Diagnostic::new(self.span(), "no parenthesis opens this one"),
                _ => self.unexpected("AND or OR"),
            };
            self.mistakes.push(mistake);
            self.at += usize::from(matches!(self.kind(), TokenKind::Close | TokenKind::Comma));
            // Mistakes in what follows are still worth telling.
            let _ = self.take_operator("AND") || self.take_operator("OR");
            if !matches!(self.kind(), TokenKind::Close | TokenKind::Comma | TokenKind::End) {
                self.either();
            }
        }
        rule
    }

    fn either(&mut self) -> Rule {
        let mut all = vec![self.both()];
        while self.take_operator("OR") {
            all.push(self.both());
        }
        joined(all, Rule::Any)
    }

    fn both(&mut self) -> Rule {
        let mut all = vec![self.one()];
        while self.take_operator("AND") {
            all.push(self.one());
        }
        joined(all, Rule::All)
    }

    fn one(&mut self) -> Rule {
        let start = self.at;
        self.depth += 1;
        let read = if self.depth > DEPTH_MAX {
            let message = format!("the rule is nested deeper than {DEPTH_MAX}");
            self.cut.get_or_insert(Diagnostic::new(self.span(), message));
            self.at = self.tokens.len() - 1;
            Ok(UNREAD)
        } else {
            self.nested()
        };
        self.depth -= 1;
        read.unwrap_or_else(|mistake| {
            self.mistakes.push(mistake);
            self.skip(start);
            UNREAD
        })
    }

    fn nested(&mut self) -> Parsed<Rule> {
        if self.take_word("NOT") {
            return Ok(Rule::Not(Box::new(self.one())));
        }
        if self.kind() == &TokenKind::Open {
            let open = self.span();
            self.at += 1;
            self.count(open);
            let inner = self.either();
            return self.close(open).map(|()| inner);
        }
        let word = match self.kind() {
            TokenKind::Bare(word) => word.clone(),
            _ => return Err(self.unexpected("a function, TRUE, FALSE, NOT or \"(\"")),
        };
        let span = self.span();
        if word == "AND" || word == "OR" {
            return Err(self.unexpected("a function, TRUE, FALSE, NOT or \"(\""));
        }
        if word == "TRUE" || word == "FALSE" {
            self.at += 1;
            self.count(span);
            return Ok(Rule::Constant(word == "TRUE"));
        }
        if word == "AT_LEAST" {
            self.at += 1;
            return self.at_least().map(Rule::AtLeast);
        }
        self.at += 1;
        let Ok(state) = word.parse::<AlarmState>() else {
            return Err(unknown(&word, span));
        };
        let open = self.open()?;
        let alarm = self.alarm()?;
        self.close(open)?;
        Ok(Rule::Is(state, alarm))
    }

    /// Reads what stands behind `AT_LEAST`.
    fn at_least(&mut self) -> Parsed<AtLeast> {
        let open = self.open()?;
        let quorum_span = self.span();
        let quorum = self.quorum()?;
        self.comma()?;
        let negated = self.take_word("NOT");
        let state = match self.kind() {
            TokenKind::Bare(word) => word.parse::<AlarmState>().ok(),
            _ => None,
        };
        let state = state.ok_or_else(|| self.unexpected("OK, ALARM or INSUFFICIENT_DATA"))?;
        self.at += 1;
        self.comma()?;
        let list = self.open()?;
        let mut alarms = vec![self.alarm()?];
        while self.kind() == &TokenKind::Comma {
            self.at += 1;
            alarms.push(self.alarm()?);
        }
        self.close(list)?;
        self.close(open)?;
        if quorum.of(alarms.len()) > alarms.len() {
            let message = format!("only {} alarms are listed", alarms.len());
            self.mistakes.push(Diagnostic::new(quorum_span, message));
        }
        Ok(AtLeast { quorum, state, negated, alarms })
    }

    fn quorum(&mut self) -> Parsed<Quorum> {
        let read = match self.kind() {
            TokenKind::Bare(word) => number(word),
            _ => None,
        };
        let Some(quorum) = read else {
            return Err(self.unexpected("a number of alarms from 1 on, or 1% to 100%"));
        };
        self.at += 1;
        Ok(quorum)
    }

    fn alarm(&mut self) -> Parsed<AlarmRef> {
        let (text, span) = match self.kind() {
            TokenKind::Bare(text) | TokenKind::Quoted(text) => (text.clone(), self.span()),
            _ => return Err(self.unexpected("the name or ARN of an alarm")),
        };
        if text.is_empty() {
            return Err(Diagnostic::new(span, "the name of the alarm is empty"));
        }
        self.at += 1;
        self.count(span);
        if matches!(self.kind(), TokenKind::Bare(_) | TokenKind::Quoted(_)) {
            let mistake = self.unexpected("\")\"");
            return Err(mistake.with_hint("a name with spaces stands in double quotes"));
        }
        Ok(AlarmRef { text, span })
    }

    fn count(&mut self, span: Span) {
        self.elements += 1;
        if self.elements == self.limits.elements_max + 1 {
            let message = format!("the rule has more than {} elements", self.limits.elements_max);
            let mistake = Diagnostic::new(span, message);
            let hint = "elements are names of alarms, TRUE, FALSE and parentheses";
            self.mistakes.push(mistake.with_hint(hint));
        }
    }

    fn open(&mut self) -> Parsed<Span> {
        let span = self.span();
        match self.kind() {
            TokenKind::Open => self.at += 1,
            _ => return Err(self.unexpected("\"(\"")),
        }
        Ok(span)
    }

    fn close(&mut self, open: Span) -> Parsed<()> {
        match self.kind() {
            TokenKind::Close => self.at += 1,
            TokenKind::End => {
                return Err(Diagnostic::new(open, "no parenthesis closes this one"));
            }
            _ => return Err(self.unexpected("\")\"")),
        }
        Ok(())
    }

    fn comma(&mut self) -> Parsed<()> {
        match self.kind() {
            TokenKind::Comma => self.at += 1,
            _ => return Err(self.unexpected("\",\"")),
        }
        Ok(())
    }

    /// Goes behind the part with a mistake that begins at `start`: its parentheses, if it has some,
    /// else up to the next operator or parenthesis.
    fn skip(&mut self, start: usize) {
        let opens = |at: usize| self.tokens[at].kind == TokenKind::Open;
        let open = [start, start + 1].into_iter().find(|at| *at < self.tokens.len() && opens(*at));
        self.at = match open {
            Some(open) => self.behind(open),
            None => {
                let stops = |token: &Token| match &token.kind {
                    TokenKind::Bare(word) => word == "AND" || word == "OR",
                    kind => !matches!(kind, TokenKind::Comma | TokenKind::Quoted(_)),
                };
                let rest = &self.tokens[self.at..];
                self.at + rest.iter().position(stops).unwrap_or(rest.len() - 1)
            }
        };
    }

    /// Returns the place behind the parenthesis that closes the one at `open`, or the end.
    fn behind(&self, open: usize) -> usize {
        let mut depth = 0usize;
        for (at, token) in self.tokens.iter().enumerate().skip(open) {
            match token.kind {
                TokenKind::Open => depth += 1,
                TokenKind::Close => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return at + 1;
            }
        }
        self.tokens.len() - 1
    }

    fn kind(&self) -> &TokenKind {
        &self.tokens[self.at].kind
    }

    fn span(&self) -> Span {
        self.tokens[self.at].span
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = matches!(self.kind(), TokenKind::Bare(text) if text == word);
        self.at += usize::from(found);
        found
    }

    /// Takes an operator; one in small letters is a mistake, and taken too.
    fn take_operator(&mut self, word: &str) -> bool {
        if self.take_word(word) {
            return true;
        }
        let small = matches!(self.kind(), TokenKind::Bare(text) if text.eq_ignore_ascii_case(word));
        if small {
            let message = "operators are written in capital letters";
            let mistake = Diagnostic::new(self.span(), message);
            self.mistakes.push(mistake.with_hint(word));
            self.at += 1;
        }
        small
    }

    fn unexpected(&self, expected: &str) -> Diagnostic {
        let found = match self.kind() {
            TokenKind::End => "end".to_owned(),
            _ => format!("{:?}", self.span().of(self.source)),
        };
        Diagnostic::new(self.span(), format!("unexpected {found}, expected {expected}"))
    }
}

fn unknown(word: &str, span: Span) -> Diagnostic {
    let capital = word.to_ascii_uppercase();
    let known = ["TRUE", "FALSE", "NOT", "AT_LEAST", "OK", "ALARM", "INSUFFICIENT_DATA"];
    let mistake = Diagnostic::new(span, format!("{word:?} is no function of rules"));
    if known.contains(&capital.as_str()) {
        return mistake.with_hint(format!("{capital} is written in capital letters"));
    }
    mistake.with_hint("there are ALARM, OK, INSUFFICIENT_DATA, AT_LEAST, TRUE and FALSE")
}

fn number(word: &str) -> Option<Quorum> {
    let (digits, percent) = match word.strip_suffix('%') {
        Some(digits) => (digits, true),
        None => (word, false),
    };
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let number: u32 = digits.parse().ok().filter(|n| plain && *n > 0)?;
    match percent {
        true => (number <= 100).then_some(Quorum::Percent(number)),
        false => Some(Quorum::Count(number)),
    }
}

fn joined(mut all: Vec<Rule>, join: fn(Vec<Rule>) -> Rule) -> Rule {
    if all.len() == 1 { all.swap_remove(0) } else { join(all) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_an_alarm_counts_as_one() {
        for (percent, of, needed) in [(50, 3, 2), (1, 3, 1), (100, 3, 3), (34, 3, 2), (33, 3, 1)] {
            assert_eq!(Quorum::Percent(percent).of(of), needed, "{percent}% of {of}");
        }
    }

    #[test]
    fn an_arn_ends_with_the_name() {
        let alarm = |text: &str| AlarmRef { text: text.into(), span: Span { start: 0, end: 0 } };
        let arn = alarm("arn:aws:cloudwatch:us-east-1:123456789012:alarm:a:b");
        assert_eq!(arn.name(), "a:b");
        assert_eq!(arn.region_and_account(), Some(("us-east-1", "123456789012")));
        for text in ["a", "arn:aws:sns:us-east-1:123456789012:alarm:x", "arn:aws:cloudwatch:x"] {
            assert_eq!((alarm(text).name(), alarm(text).region_and_account()), (text, None));
        }
    }
}
