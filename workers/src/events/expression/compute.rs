//! Arithmetic: what does not fit, or has no value, is null. Whole numbers and others may be mixed, as JSON mixes them.

use std::rc::Rc;

use super::TooExpensive;
use super::evaluate::Evaluation;
use super::syntax::Operator;
use super::value::Val;

impl<'a> Evaluation<'a> {
    /// The number with its sign changed.
    pub(super) fn negated(value: &Val<'a>) -> Val<'a> {
        match value {
            Val::Int(number) => number.checked_neg().map_or(Val::Null, Val::Int),
            Val::Double(number) => Val::Double(-number),
            Val::Span(ms) => ms.checked_neg().map_or(Val::Null, Val::Span),
            _ => Val::Null,
        }
    }

    /// What two values make.
    pub(super) fn compute(
        &mut self,
        operator: Operator,
        one: &Val<'a>,
        other: &Val<'a>,
    ) -> Result<Val<'a>, TooExpensive> {
        if operator == Operator::Add {
            if let (Some(one), Some(other)) = (one.text(), other.text()) {
                self.spend_bytes(one.len() + other.len())?;
                return Ok(Val::Own([one, other].concat().into()));
            }
            if let (Val::List(_) | Val::Made(_), Val::List(_) | Val::Made(_)) = (one, other) {
                self.spend(one.size().unwrap_or(0) + other.size().unwrap_or(0))?;
                let both = one.elements().into_iter().flatten().chain(other.elements().into_iter().flatten());
                return Ok(Val::Made(Rc::new(both.collect())));
            }
        }
        Ok(match (one, other) {
            (Val::Int(one), Val::Int(other)) => whole(operator, *one, *other).map_or(Val::Null, Val::Int),
            (Val::Int(one), Val::Double(other)) => double(operator, *one as f64, *other),
            (Val::Double(one), Val::Int(other)) => double(operator, *one, *other as f64),
            (Val::Double(one), Val::Double(other)) => double(operator, *one, *other),
            _ => times(operator, one, other).unwrap_or(Val::Null),
        })
    }
}

fn whole(operator: Operator, one: i64, other: i64) -> Option<i64> {
    match operator {
        Operator::Add => one.checked_add(other),
        Operator::Subtract => one.checked_sub(other),
        Operator::Multiply => one.checked_mul(other),
        Operator::Divide => one.checked_div(other),
        Operator::Remainder => one.checked_rem(other),
    }
}

fn double<'a>(operator: Operator, one: f64, other: f64) -> Val<'a> {
    let made = match operator {
        Operator::Add => one + other,
        Operator::Subtract => one - other,
        Operator::Multiply => one * other,
        Operator::Divide => one / other,
        Operator::Remainder => return Val::Null,
    };
    if made.is_finite() { Val::Double(made) } else { Val::Null }
}

fn times<'a>(operator: Operator, one: &Val<'_>, other: &Val<'_>) -> Option<Val<'a>> {
    Some(match (operator, one, other) {
        (Operator::Add, Val::Time(at), Val::Span(ms)) | (Operator::Add, Val::Span(ms), Val::Time(at)) => {
            Val::Time(at.checked_add(*ms)?)
        }
        (Operator::Subtract, Val::Time(at), Val::Span(ms)) => Val::Time(at.checked_sub(*ms)?),
        (Operator::Subtract, Val::Time(at), Val::Time(from)) => Val::Span(at.checked_sub(*from)?),
        (Operator::Add, Val::Span(one), Val::Span(other)) => Val::Span(one.checked_add(*other)?),
        (Operator::Subtract, Val::Span(one), Val::Span(other)) => Val::Span(one.checked_sub(*other)?),
        _ => return None,
    })
}
