//! From a JSON value to the TypeScript type that fits it.

use std::collections::BTreeMap;

use serde_json::Value;

/// Deeper values are `unknown`: a sample is a hint, not a schema.
const MAX_DEPTH: usize = 12;

/// The type of a sample: objects by their fields, arrays by what all their elements have.
pub fn type_of(sample: &Value) -> String {
    Type::of([sample], 0).written(0)
}

/// An object type of these fields: name, whether it may be absent, type.
pub fn object<'a>(fields: impl IntoIterator<Item = (&'a str, bool, String)>) -> String {
    written_object(fields, 0)
}

/// What a place holds in all the samples of it.
#[derive(Default)]
struct Type {
    /// `null`, `boolean`, …: each once, in the order of their first sample.
    plain: Vec<&'static str>,
    /// The element type of arrays.
    elements: Option<Box<Type>>,
    /// The fields of objects, and whether one of them lacks it.
    fields: Option<BTreeMap<String, (bool, Type)>>,
}

impl Type {
    fn of<'a>(samples: impl IntoIterator<Item = &'a Value>, depth: usize) -> Self {
        let mut found = Self::default();
        let (mut elements, mut objects) = (None::<Vec<&Value>>, Vec::new());
        for sample in samples {
            match sample {
                Value::Null => found.add("null"),
                Value::Bool(_) => found.add("boolean"),
                Value::Number(_) => found.add("number"),
                Value::String(_) => found.add("string"),
                _ if depth >= MAX_DEPTH => found.add("unknown"),
                Value::Array(items) => elements.get_or_insert_default().extend(items),
                Value::Object(fields) => objects.push(fields),
            }
        }
        found.elements = elements.map(|items| Box::new(Self::of(items, depth + 1)));
        if !objects.is_empty() {
            let names: BTreeMap<&String, ()> =
                objects.iter().flat_map(|fields| fields.keys()).map(|k| (k, ())).collect();
            let field = |name: &String| {
                let values: Vec<&Value> = objects.iter().filter_map(|fields| fields.get(name)).collect();
                (values.len() < objects.len(), Self::of(values, depth + 1))
            };
            found.fields = Some(names.into_keys().map(|name| (name.clone(), field(name))).collect());
        }
        found
    }

    fn add(&mut self, plain: &'static str) {
        if !self.plain.contains(&plain) {
            self.plain.push(plain);
        }
    }

    fn written(&self, indent: usize) -> String {
        let mut parts: Vec<String> = self.plain.iter().map(|part| (*part).to_owned()).collect();
        if let Some(elements) = &self.elements {
            let element = elements.written(indent);
            parts.push(if element.contains('|') && !element.contains('\n') {
                format!("({element})[]")
            } else {
                format!("Array<{element}>")
            });
        }
        if let Some(fields) = &self.fields {
            let fields = fields.iter().map(|(name, (optional, of))| (name.as_str(), *optional, of.written(indent + 1)));
            parts.push(written_object(fields, indent));
        }
        if parts.is_empty() { "unknown".into() } else { parts.join(" | ") }
    }
}

fn written_object<'a>(fields: impl IntoIterator<Item = (&'a str, bool, String)>, indent: usize) -> String {
    let pad = "  ".repeat(indent);
    let lines: String = fields
        .into_iter()
        .map(|(name, optional, of)| {
            let name = if is_identifier(name) { name.to_owned() } else { Value::from(name).to_string() };
            format!("{pad}  {name}{}: {of};\n", if optional { "?" } else { "" })
        })
        .collect();
    if lines.is_empty() { "Record<string, unknown>".into() } else { format!("{{\n{lines}{pad}}}") }
}

fn is_identifier(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_' || c == '$';
    name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn samples_and_their_types() {
        for (sample, expected) in [
            (json!("x"), "string"),
            (json!(1.5), "number"),
            (json!(null), "null"),
            (json!([]), "Array<unknown>"),
            (json!([1, 2]), "Array<number>"),
            (json!([1, "a", null, 2]), "(number | string | null)[]"),
            (json!({}), "Record<string, unknown>"),
            (json!({ "b": true, "a-b": "x" }), "{\n  \"a-b\": string;\n  b: boolean;\n}"),
            (json!([{ "a": 1 }, { "a": "x", "b": 2 }]), "Array<{\n  a: number | string;\n  b?: number;\n}>"),
            (json!({ "a": { "b": [] } }), "{\n  a: {\n    b: Array<unknown>;\n  };\n}"),
        ] {
            assert_eq!(type_of(&sample), expected, "{sample}");
        }
    }

    #[test]
    fn a_deep_sample_ends_somewhere() {
        let deep = (0..200).fold(json!(1), |inner, _| json!({ "a": inner }));
        assert!(type_of(&deep).contains("a: unknown;"));
    }

    #[test]
    fn a_name_cannot_end_the_string_it_is_in() {
        assert!(type_of(&json!({ "a\": any }; //\n": 1 })).contains(r#""a\": any }; //\n": number;"#));
    }
}
