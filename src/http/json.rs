//! JSON as clients send it, read strictly: UTF-8, one value, no repeated field, a bounded depth.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::error::Problem;

/// Reads one JSON value that nests at most `max_depth` deep.
pub fn parse(bytes: &[u8], max_depth: usize) -> Result<Value, Problem> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let detail = format!("the body must be UTF-8; the byte at {} is not", error.valid_up_to());
        Problem::invalid("body", "invalid_utf8", detail)
    })?;
    let context = Context { max_depth, path: RefCell::default(), fault: RefCell::default() };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = Seed { context: &context }.deserialize(&mut deserializer);
    let value = match (read, context.fault.take()) {
        (_, Some(fault)) => return Err(fault),
        (read, None) => read.map_err(|error| malformed(&error))?,
    };
    deserializer.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

fn malformed(error: &serde_json::Error) -> Problem {
    let (line, column) = (error.line(), error.column());
    let problem = Problem::invalid("body", "invalid_json", format!("the body is not JSON: {error}"));
    problem.with("line", line.into()).with("column", column.into())
}

/// Where the reader is, and what it stopped for.
struct Context {
    max_depth: usize,
    path: RefCell<Vec<String>>,
    fault: RefCell<Option<Problem>>,
}

impl Context {
    fn here(&self, last: &str) -> String {
        let mut path = self.path.borrow().clone();
        path.push(last.to_owned());
        let path = path.join(".");
        path.chars().take(200).collect()
    }

    fn stop<E: serde::de::Error>(&self, fault: Problem) -> E {
        *self.fault.borrow_mut() = Some(fault);
        E::custom("refused")
    }

    fn enter<E: serde::de::Error>(&self, name: String) -> Result<(), E> {
        let mut path = self.path.borrow_mut();
        path.push(name);
        if path.len() <= self.max_depth {
            return Ok(());
        }
        let detail = format!("JSON may nest at most {} deep", self.max_depth);
        Err(self.stop(Problem::invalid("body", "json_too_deep", detail)))
    }

    fn leave(&self) {
        self.path.borrow_mut().pop();
    }
}

#[derive(Clone, Copy)]
struct Seed<'a> {
    context: &'a Context,
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        loop {
            self.context.enter(list.len().to_string())?;
            let item = items.next_element_seed(self)?;
            self.context.leave();
            match item {
                Some(item) => list.push(item),
                None => return Ok(Value::Array(list)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            if map.contains_key(&name) {
                let field = self.context.here(&name);
                let detail = format!("the field {field:?} is there twice");
                return Err(self.context.stop(Problem::invalid(field, "duplicate_field", detail)));
            }
            self.context.enter::<A::Error>(name.clone())?;
            let value = entries.next_value_seed(self)?;
            self.context.leave();
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(text: impl AsRef<[u8]>, code: &str, field: &str) {
        let problem = parse(text.as_ref(), 8).expect_err("refused");
        assert_eq!((&*problem.code, problem.field.as_deref()), (code, Some(field)));
    }

    #[test]
    fn refusals_name_what_is_wrong() {
        check("", "invalid_json", "body");
        check("{", "invalid_json", "body");
        check("{} {}", "invalid_json", "body");
        check("{\"a\":1e400}", "invalid_json", "body");
        check("{\"a\":NaN}", "invalid_json", "body");
        check("{\"a\":\"\\ud800\"}", "invalid_json", "body");
        check(b"{\"a\":\"\xff\"}", "invalid_utf8", "body");
        check("{\"a\":1,\"a\":2}", "duplicate_field", "a");
        check("{\"a\":{\"b\":[{\"c\":1,\"c\":1}]}}", "duplicate_field", "a.b.0.c");
        check("[".repeat(9), "json_too_deep", "body");
        check("[".repeat(100_000), "json_too_deep", "body");
        check("{\"a\":".repeat(9), "json_too_deep", "body");
    }

    #[test]
    fn what_is_fine_is_read_as_serde_json_reads_it() {
        for text in ["null", "[]", "[[[[[[[[]]]]]]]]", "{\"__proto__\":{\"x\":1},\"b\":[1,-2,3.5,\"é\\n\",true,null]}"]
        {
            let expected: Value = serde_json::from_str(text).expect("JSON");
            assert_eq!(parse(text.as_bytes(), 9).expect(text), expected);
        }
        assert_eq!(parse(b" 1 ", 1).expect("number"), json!(1));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let strict = parse(&bytes, 64);
            let lax: Result<Value, _> = serde_json::from_slice(&bytes);
            proptest::prop_assert!(strict.is_err() || lax.is_ok_and(|lax| Ok(lax) == strict.map_err(|_| ())));
        }
    }
}
