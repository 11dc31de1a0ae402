//! What stands between an operator and its right side.

use super::{Parsed, Parser, mistake};
use crate::Span;
use crate::promql::lexer::TokenKind;
use crate::promql::{BinaryOp, Cardinality, Matching};

impl Parser<'_> {
    /// Reads `bool`, `on`, `ignoring`, `group_left`, `group_right` and the fills.
    ///
    /// Returns how samples match if anything says so, or if the operator works on sets. Whether
    /// both sides are vectors is not known yet.
    pub(super) fn binary_modifiers(
        &mut self,
        op: BinaryOp,
        op_span: Span,
    ) -> Parsed<(bool, Option<Matching>)> {
        let returns_bool = self.accept_word("bool");
        if returns_bool && !op.compares() {
            let message = "bool modifier can only be used on comparison operators";
            self.mistakes.push(*mistake(op_span, message));
        }
        let mut matching = Matching::default();
        let mut said = false;
        if op.is_set() {
            (matching.cardinality, said) = (Cardinality::ManyToMany, true);
        }
        if self.next_is_word("on") || self.next_is_word("ignoring") {
            said = true;
            matching.on = self.next_is_word("on");
            self.advance();
            matching.labels = self.labels()?;
            self.group(op_span, &mut matching)?;
        }
        while let Some((left, right)) = self.fill() {
            let span = self.advance();
            said = true;
            self.expect("(", " in fill modifier")?;
            let value = self.signed_number(" in fill modifier")?;
            self.expect(")", " in fill modifier")?;
            if op.is_set() {
                let message = format!("fill modifiers are not allowed for {:?}", op.symbol());
                self.mistakes.push(*mistake(span, message));
            }
            let (old_left, old_right) = (matching.fill_left, matching.fill_right);
            if left && old_left.is_some() || right && old_right.is_some() {
                let message = "fill value may not be set multiple times";
                self.mistakes.push(*mistake(span, message));
            }
            matching.fill_left = if left { Some(value) } else { old_left };
            matching.fill_right = if right { Some(value) } else { old_right };
        }
        Ok((returns_bool, said.then_some(matching)))
    }

    fn group(&mut self, op_span: Span, matching: &mut Matching) -> Parsed<()> {
        let left = self.next_is_word("group_left");
        if !left && !self.next_is_word("group_right") {
            return Ok(());
        }
        self.advance();
        matching.cardinality = if left { Cardinality::ManyToOne } else { Cardinality::OneToMany };
        if self.next_is("(") {
            matching.include = self.labels()?;
            let twice = matching.include.iter().find(|l| matching.labels.contains(l));
            if let Some(label) = twice.filter(|_| matching.on) {
                let message =
                    format!("label {label:?} must not occur in ON and GROUP clause at once");
                self.mistakes.push(*mistake(op_span, message));
            }
        }
        Ok(())
    }

    /// Says which sides the fill that comes next is for.
    fn fill(&self) -> Option<(bool, bool)> {
        let call = self.peek_second().kind == TokenKind::Sign("(");
        let sides = [("fill", true, true), ("fill_left", true, false), ("fill_right", false, true)];
        let found = sides.into_iter().find(|(word, ..)| self.next_is_word(word));
        found.filter(|_| call).map(|(_, left, right)| (left, right))
    }

    fn accept_word(&mut self, word: &str) -> bool {
        let found = self.next_is_word(word);
        if found {
            self.advance();
        }
        found
    }
}
