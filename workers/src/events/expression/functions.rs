//! The functions an expression may call, by name, and what they give.

use std::rc::Rc;

use schedules::delay;
use schedules::due::parse_instant;
use serde_json::json;

use super::TooExpensive;
use super::evaluate::Evaluation;
use super::value::Val;

/// A function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Size,
    Contains,
    StartsWith,
    EndsWith,
    LowerAscii,
    UpperAscii,
    Trim,
    Split,
    Join,
    Int,
    Double,
    String,
    Bool,
    Timestamp,
    Duration,
    Dyn,
}

/// Each with its name, how many arguments it has with the one before the dot, and whether that may be before a dot, and
/// may be inside of the brackets.
const FUNCTIONS: &[(Function, &str, usize, bool, bool)] = &[
    (Function::Size, "size", 1, true, true),
    (Function::Contains, "contains", 2, true, false),
    (Function::StartsWith, "startsWith", 2, true, false),
    (Function::EndsWith, "endsWith", 2, true, false),
    (Function::LowerAscii, "lowerAscii", 1, true, false),
    (Function::UpperAscii, "upperAscii", 1, true, false),
    (Function::Trim, "trim", 1, true, false),
    (Function::Split, "split", 2, true, false),
    (Function::Join, "join", 2, true, false),
    (Function::Int, "int", 1, false, true),
    (Function::Double, "double", 1, false, true),
    (Function::String, "string", 1, false, true),
    (Function::Bool, "bool", 1, false, true),
    (Function::Timestamp, "timestamp", 1, false, true),
    (Function::Duration, "duration", 1, false, true),
    (Function::Dyn, "dyn", 1, false, true),
];

impl Function {
    /// The function of a call; or what would be right. `arguments` counts what is before the dot.
    pub fn find(name: &str, method: bool, arguments: usize) -> Result<Self, String> {
        let Some((function, _, wanted, dotted, plain)) = FUNCTIONS.iter().find(|it| it.1 == name) else {
            let mut names: Vec<&str> = FUNCTIONS.iter().map(|it| it.1).collect();
            names.extend(["matches", "has", "all", "exists", "exists_one", "map", "filter"]);
            return Err(format!("there is no function {name:?}; there are {}", names.join(", ")));
        };
        if *wanted == arguments && if method { *dotted } else { *plain } {
            return Ok(*function);
        }
        let rest = if *wanted > 1 { "\"…\"" } else { "" };
        let right = if *dotted { format!("event.text.{name}({rest})") } else { format!("{name}(event.value)") };
        Err(format!("is not how {name} is called: write {right}"))
    }

    /// What it gives, if that can never be true or false.
    pub fn never_a_condition(self) -> Option<&'static str> {
        match self {
            Self::Size | Self::Int | Self::Double => Some("a number"),
            Self::LowerAscii | Self::UpperAscii | Self::Trim | Self::Join | Self::String => Some("a text"),
            Self::Split => Some("a list"),
            Self::Timestamp => Some("a time"),
            Self::Duration => Some("a duration"),
            Self::Contains | Self::StartsWith | Self::EndsWith | Self::Bool | Self::Dyn => None,
        }
    }
}

impl<'a> Evaluation<'a> {
    /// The value of a call. What the arguments do not allow is null; of the three that ask something, false.
    pub(super) fn call(&mut self, function: Function, arguments: &[Val<'a>]) -> Result<Val<'a>, TooExpensive> {
        for argument in arguments {
            self.read(argument)?;
        }
        let texts = || Some((arguments.first()?.text()?, arguments.get(1)?.text()?));
        let asked = |ask: fn(&str, &str) -> bool| Val::Bool(texts().is_some_and(|(text, part)| ask(text, part)));
        Ok(match function {
            Function::Contains => {
                // Looking for a text takes at most as long as both together.
                asked(|text, part| text.contains(part))
            }
            Function::StartsWith => asked(|text, part| text.starts_with(part)),
            Function::EndsWith => asked(|text, part| text.ends_with(part)),
            Function::Split => match texts() {
                Some((text, separator)) => self.split(text, separator)?,
                None => Val::Null,
            },
            Function::Join => match arguments {
                [list, separator] => self.join(list, separator)?,
                _ => Val::Null,
            },
            other => arguments.first().map_or(Val::Null, |value| of_one(other, value)),
        })
    }

    fn split(&mut self, text: &str, separator: &str) -> Result<Val<'a>, TooExpensive> {
        let mut parts = Vec::new();
        for part in text.split(separator) {
            self.spend(1)?;
            parts.push(Val::from_text(part));
        }
        Ok(Val::Made(Rc::new(parts)))
    }

    fn join(&mut self, list: &Val<'a>, separator: &Val<'a>) -> Result<Val<'a>, TooExpensive> {
        let (Some(elements), Some(separator)) = (list.elements(), separator.text()) else { return Ok(Val::Null) };
        let mut joined = String::new();
        for (place, element) in elements.enumerate() {
            let Some(text) = element.text() else { return Ok(Val::Null) };
            self.spend_bytes(text.len() + separator.len())?;
            if place > 0 {
                joined.push_str(separator);
            }
            joined.push_str(text);
        }
        Ok(Val::Own(joined.into()))
    }
}

fn of_one<'a>(function: Function, value: &Val<'a>) -> Val<'a> {
    let text = |change: fn(&str) -> String| value.text().map_or(Val::Null, |text| Val::Own(change(text).into()));
    match function {
        Function::Size => value.size().and_then(|size| i64::try_from(size).ok()).map_or(Val::Null, Val::Int),
        Function::LowerAscii => text(str::to_ascii_lowercase),
        Function::UpperAscii => text(str::to_ascii_uppercase),
        Function::Trim => text(|text| text.trim().to_owned()),
        Function::Int => int(value),
        Function::Double => double(value),
        Function::String => string(value),
        Function::Bool => match (value, value.text()) {
            (Val::Bool(truth), _) => Val::Bool(*truth),
            (_, Some("true")) => Val::Bool(true),
            (_, Some("false")) => Val::Bool(false),
            _ => Val::Null,
        },
        Function::Timestamp => timestamp(value),
        Function::Duration => match (value, value.text()) {
            (Val::Span(ms), _) => Val::Span(*ms),
            (_, Some(text)) => delay::parse_text(text).map_or(Val::Null, Val::Span),
            _ => Val::Null,
        },
        Function::Dyn => value.clone(),
        Function::Contains | Function::StartsWith | Function::EndsWith | Function::Split | Function::Join => Val::Null,
    }
}

fn int<'a>(value: &Val<'_>) -> Val<'a> {
    match value {
        Val::Int(number) => Val::Int(*number),
        Val::Double(number) => whole(*number),
        Val::Time(ms) => Val::Int(ms.div_euclid(1_000)),
        other => other.text().and_then(|text| text.parse().ok()).map_or(Val::Null, Val::Int),
    }
}

/// Towards zero, if it is a number of 64 bits then.
fn whole<'a>(number: f64) -> Val<'a> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if number > -LIMIT && number < LIMIT { Val::Int(number.trunc() as i64) } else { Val::Null }
}

fn double<'a>(value: &Val<'_>) -> Val<'a> {
    match value {
        Val::Int(number) => Val::Double(*number as f64),
        Val::Double(number) => Val::Double(*number),
        other => other.text().and_then(|text| text.parse().ok()).map_or(Val::Null, Val::Double),
    }
}

fn string<'a>(value: &Val<'a>) -> Val<'a> {
    match value {
        Val::Borrowed(_) | Val::Own(_) => value.clone(),
        Val::Bool(truth) => Val::Own(truth.to_string().into()),
        Val::Int(number) => Val::Own(number.to_string().into()),
        Val::Double(number) => Val::Own(number.to_string().into()),
        Val::Time(ms) => Val::Own(schedules::Millis(*ms).to_rfc3339().into()),
        Val::Span(ms) => Val::Own(seconds(*ms).into()),
        Val::Null | Val::List(_) | Val::Made(_) | Val::Map(_) | Val::MadeMap(_) => Val::Null,
    }
}

/// RFC 3339, or Unix milliseconds as `meta.ts` may be.
fn timestamp<'a>(value: &Val<'_>) -> Val<'a> {
    let parsed = match value {
        Val::Time(ms) => return Val::Time(*ms),
        Val::Int(ms) => parse_instant("time", &json!(ms)),
        other => match other.text() {
            Some(text) => parse_instant("time", &json!(text)),
            None => return Val::Null,
        },
    };
    parsed.map_or(Val::Null, |at| Val::Time(at.0))
}

/// A duration as CEL writes it: `90s`, `1.5s`.
pub(super) fn seconds(ms: i64) -> String {
    match ms % 1_000 {
        0 => format!("{}s", ms / 1_000),
        _ => format!("{}s", ms as f64 / 1_000.0),
    }
}
