//! What scripts answer, read strictly: anything else than expected is an error, never a default.

use redis::Value;
use schedules::Millis;

use crate::{Error, IntegrationId, JobId, Result};

/// The parts of a script's answer, in their order.
pub(super) struct Answer(std::vec::IntoIter<Value>);

impl Answer {
    pub(super) fn new(value: Value) -> Result<Self> {
        match value {
            Value::Array(parts) => Ok(Self(parts.into_iter())),
            Value::Nil => Ok(Self(Vec::new().into_iter())),
            other => Err(unexpected("a list", &other)),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.len() == 0
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whatever is next.
    pub(super) fn value(&mut self) -> Result<Value> {
        self.0.next().ok_or_else(|| Error::Corrupt("a script's answer ends early".into()))
    }

    pub(super) fn bytes(&mut self) -> Result<Vec<u8>> {
        match self.value()? {
            Value::BulkString(bytes) => Ok(bytes),
            Value::SimpleString(text) => Ok(text.into_bytes()),
            other => Err(unexpected("text", &other)),
        }
    }

    pub(super) fn text(&mut self) -> Result<String> {
        Ok(String::from_utf8_lossy(&self.bytes()?).into_owned())
    }

    /// A whole number, as a number or as text; scores come as text, and may be written with an exponent.
    pub(super) fn number(&mut self) -> Result<i64> {
        #[expect(clippy::cast_possible_truncation, reason = "scores are whole numbers below 2^53")]
        match self.value()? {
            Value::Int(number) => Ok(number),
            Value::BulkString(bytes) => {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                text.parse::<f64>()
                    .map(|number| number as i64)
                    .map_err(|_| Error::Corrupt(format!("{text:?} is no number")))
            }
            other => Err(unexpected("a number", &other)),
        }
    }

    pub(super) fn float(&mut self) -> Result<f64> {
        let text = self.text()?;
        text.parse().map_err(|_| Error::Corrupt(format!("{text:?} is no number")))
    }

    pub(super) fn count(&mut self) -> Result<u64> {
        Ok(u64::try_from(self.number()?).unwrap_or(0))
    }

    pub(super) fn time(&mut self) -> Result<Millis> {
        Ok(Millis(self.number()?))
    }

    pub(super) fn list(&mut self) -> Result<Self> {
        let value = self.value()?;
        Self::new(value)
    }

    pub(super) fn job_id(&mut self) -> Result<JobId> {
        Ok(JobId::from_bytes(sixteen(&self.bytes()?)?))
    }

    pub(super) fn integration_id(&mut self) -> Result<IntegrationId> {
        Ok(IntegrationId::from_bytes(sixteen(&self.bytes()?)?))
    }
}

/// An answer that is one whole number.
pub(super) fn number(value: &Value) -> Result<i64> {
    match value {
        Value::Int(number) => Ok(*number),
        other => Err(unexpected("a number", other)),
    }
}

/// An answer that is text, or nothing.
pub(super) fn bytes(value: Value) -> Result<Option<Vec<u8>>> {
    match value {
        Value::Nil => Ok(None),
        Value::BulkString(bytes) => Ok(Some(bytes)),
        other => Err(unexpected("text", &other)),
    }
}

fn sixteen(bytes: &[u8]) -> Result<[u8; 16]> {
    bytes.try_into().map_err(|_| Error::Corrupt("an id is not 16 bytes long".into()))
}

fn unexpected(wanted: &str, found: &Value) -> Error {
    let kind = match found {
        Value::Nil => "nothing",
        Value::Int(_) => "a number",
        Value::BulkString(_) | Value::SimpleString(_) | Value::Okay => "text",
        Value::Array(_) => "a list",
        _ => "something else",
    };
    Error::Corrupt(format!("a script answered {kind} where {wanted} was expected"))
}
