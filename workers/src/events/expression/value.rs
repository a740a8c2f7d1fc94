//! The values of an evaluation: parts of the event as they lie there, and what was made of them.

use std::cmp::Ordering;
use std::rc::Rc;

use serde_json::{Map, Number, Value};

use super::TooExpensive;
use super::evaluate::Evaluation;
use super::functions::seconds;

/// How many parts of the event, or 16 bytes of its texts, are copied in one step: fewer than the largest event has.
const PARTS_OF_A_STEP: usize = 8;

/// A value; cheap to clone.
#[derive(Clone, Debug)]
pub(super) enum Val<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    /// A text of the event, or of the expression.
    Borrowed(&'a str),
    /// A text that was made.
    Own(Rc<str>),
    List(&'a [Value]),
    Made(Rc<Vec<Val<'a>>>),
    Map(&'a Map<String, Value>),
    MadeMap(Rc<Vec<(Rc<str>, Val<'a>)>>),
    /// Unix milliseconds.
    Time(i64),
    /// Milliseconds.
    Span(i64),
}

impl<'a> Val<'a> {
    /// A part of the event.
    pub fn of(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(truth) => Self::Bool(*truth),
            Value::Number(number) => match number.as_i64() {
                Some(number) => Self::Int(number),
                None => number.as_f64().map_or(Self::Null, Self::Double),
            },
            Value::String(text) => Self::Borrowed(text),
            Value::Array(items) => Self::List(items),
            Value::Object(fields) => Self::Map(fields),
        }
    }

    /// A text that was made.
    pub fn from_text(text: &str) -> Self {
        Self::Own(text.into())
    }

    /// Whether it is true; all that is no truth value is not.
    pub fn is_true(&self) -> bool {
        matches!(self, Self::Bool(true))
    }

    /// The text that it is.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Borrowed(text) => Some(text),
            Self::Own(text) => Some(text),
            _ => None,
        }
    }

    /// How many characters, elements or fields it has.
    pub fn size(&self) -> Option<usize> {
        match self {
            Self::List(items) => Some(items.len()),
            Self::Made(items) => Some(items.len()),
            Self::Map(fields) => Some(fields.len()),
            Self::MadeMap(fields) => Some(fields.len()),
            other => other.text().map(|text| text.chars().count()),
        }
    }

    /// The elements of a list, or the names of a map's fields.
    pub fn elements(&self) -> Option<Box<dyn Iterator<Item = Val<'a>> + 'a>> {
        match self {
            Self::List(items) => Some(Box::new(items.iter().map(Val::of))),
            Self::Made(items) => {
                let items = items.clone();
                Some(Box::new((0..items.len()).map(move |place| items[place].clone())))
            }
            Self::Map(fields) => Some(Box::new(fields.keys().map(|name| Val::Borrowed(name)))),
            Self::MadeMap(fields) => {
                let fields = fields.clone();
                Some(Box::new((0..fields.len()).map(move |place| Val::Own(fields[place].0.clone()))))
            }
            _ => None,
        }
    }

    /// A field of a map; `None` if it is no map, or has no such field.
    pub fn field(&self, name: &str) -> Option<Val<'a>> {
        match self {
            Self::Map(fields) => fields.get(name).map(Val::of),
            Self::MadeMap(fields) => fields.iter().find(|(own, _)| **own == *name).map(|(_, value)| value.clone()),
            _ => None,
        }
    }

    /// An element of a list by its place, or a field of a map by its name; null if there is none.
    pub fn at(&self, index: &Val<'a>) -> Val<'a> {
        if let Some(name) = index.text() {
            return self.field(name).unwrap_or(Self::Null);
        }
        let place = match index {
            Self::Int(place) => usize::try_from(*place).ok(),
            Self::Double(place) if place.fract() == 0.0 && (0.0..9e15).contains(place) => Some(*place as usize),
            _ => None,
        };
        let Some(place) = place else { return Self::Null };
        match self {
            Self::List(items) => items.get(place).map_or(Self::Null, Val::of),
            Self::Made(items) => items.get(place).cloned().unwrap_or(Self::Null),
            _ => Self::Null,
        }
    }

    /// Which of two comes first; `None` if they cannot be compared.
    pub fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) | (Self::Time(a), Self::Time(b)) | (Self::Span(a), Self::Span(b)) => {
                Some(a.cmp(b))
            }
            (Self::Int(a), Self::Double(b)) => int_and_double(*a, *b),
            (Self::Double(a), Self::Int(b)) => int_and_double(*b, *a).map(Ordering::reverse),
            (Self::Double(a), Self::Double(b)) => a.partial_cmp(b),
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            _ => Some(self.text()?.cmp(other.text()?)),
        }
    }
}

/// How much there is to copy of a part of the event.
fn weight(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Object(fields) => fields.values().map(weight).sum(),
        Value::String(text) => text.len() / 16,
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

/// Exactly, where a conversion to a double would round.
fn int_and_double(int: i64, double: f64) -> Option<Ordering> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if double.is_nan() {
        return None;
    }
    if double >= LIMIT {
        return Some(Ordering::Less);
    }
    if double < -LIMIT {
        return Some(Ordering::Greater);
    }
    let whole = double.floor();
    // A whole double within the bounds of an i64 is one.
    Some(int.cmp(&(whole as i64)).then(if double > whole { Ordering::Less } else { Ordering::Equal }))
}

impl<'a> Evaluation<'a> {
    /// Whether two values are the same, all the way down. Values of different kinds are not; `1` and `1.0` are.
    pub(super) fn same(&mut self, one: &Val<'a>, other: &Val<'a>) -> Result<bool, TooExpensive> {
        self.spend(1)?;
        if let (Some(one), Some(other)) = (one.text(), other.text()) {
            self.spend_bytes(one.len().min(other.len()))?;
            return Ok(one == other);
        }
        match (one, other) {
            (Val::Null, Val::Null) => Ok(true),
            (Val::List(_) | Val::Made(_), Val::List(_) | Val::Made(_)) => {
                if one.size() != other.size() {
                    return Ok(false);
                }
                let pairs = one.elements().into_iter().flatten().zip(other.elements().into_iter().flatten());
                for (one, other) in pairs {
                    if !self.same(&one, &other)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            (Val::Map(_) | Val::MadeMap(_), Val::Map(_) | Val::MadeMap(_)) => {
                if one.size() != other.size() {
                    return Ok(false);
                }
                for name in one.elements().into_iter().flatten() {
                    let name = name.text().unwrap_or("");
                    let same = match (one.field(name), other.field(name)) {
                        (Some(one), Some(other)) => self.same(&one, &other)?,
                        _ => false,
                    };
                    if !same {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            _ => Ok(one.order(other) == Some(Ordering::Equal)),
        }
    }

    /// As JSON: times as RFC 3339, durations as `90s`, a number that JSON does not know as null.
    pub(super) fn json_of(&mut self, value: &Val<'a>) -> Result<Value, TooExpensive> {
        self.spend(1)?;
        Ok(match value {
            Val::Null => Value::Null,
            Val::Bool(truth) => Value::Bool(*truth),
            Val::Int(number) => Value::from(*number),
            Val::Double(number) => Number::from_f64(*number).map_or(Value::Null, Value::Number),
            Val::Borrowed(text) => Value::from(*text),
            Val::Own(text) => Value::from(&**text),
            Val::List(items) => {
                self.spend(items.iter().map(weight).sum::<usize>() / PARTS_OF_A_STEP)?;
                Value::Array(items.to_vec())
            }
            Val::Map(fields) => {
                self.spend(fields.values().map(weight).sum::<usize>() / PARTS_OF_A_STEP)?;
                Value::Object((*fields).clone())
            }
            Val::Made(items) => Value::Array(items.iter().map(|item| self.json_of(item)).collect::<Result<_, _>>()?),
            Val::MadeMap(fields) => {
                let field = |(name, value): &(Rc<str>, Val<'a>)| Ok((name.to_string(), self.json_of(value)?));
                Value::Object(fields.iter().map(field).collect::<Result<_, _>>()?)
            }
            Val::Time(ms) => schedules::Millis(*ms).to_rfc3339().into(),
            Val::Span(ms) => seconds(*ms).into(),
        })
    }
}
