//! The description: equal to the file that clients are made from, complete, and true about examples.

use std::collections::BTreeSet;
use std::path::Path;

use axum::http::{Method, StatusCode};
use serde_json::Value;

use super::{Ask, World};
use crate::http::openapi::document;

/// An operation of the description.
pub struct Operation {
    pub method: Method,
    pub path: String,
    pub json: Value,
}

impl Operation {
    /// The scope it needs; `None` is open.
    pub fn scope(&self) -> Option<&str> {
        self.json["security"][0]["apiKey"][0].as_str()
    }

    /// The path with parts that are well formed but name nothing, except for integrations.
    pub fn concrete(&self) -> String {
        self.path
            .replace("{name}", "a")
            .replace("{id}", "01JD4Z8M3V9Q6T5X2Y7W0K1B8C")
            .replace("{secret}", "TOKEN")
            .replace("{schedule}", "customer-1")
            .replace("{backfill}", "01JD4Z8M3V9Q6T5X2Y7W0K1B8C")
            .replace("{rule}", "0")
            .replace("{limiter}", "crm")
            .replace("{event}", "e1")
            .replace("{workspace}", "default")
    }

    /// The schema of its body, resolved.
    pub fn body<'a>(&self, document: &'a Value) -> Option<&'a Value> {
        let reference = self.json["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str()?;
        document.pointer(reference.strip_prefix('#')?)
    }

    /// The names of its query parameters.
    pub fn queries(&self) -> Vec<&str> {
        let parameters = self.json["parameters"].as_array().into_iter().flatten();
        let queries = parameters.filter(|parameter| parameter["in"] == "query");
        queries.filter_map(|parameter| parameter["name"].as_str()).collect()
    }
}

/// The description, parsed.
pub fn parsed() -> Value {
    serde_json::from_str(document()).expect("JSON")
}

/// Every operation of the description.
pub fn operations() -> Vec<Operation> {
    let document = parsed();
    let paths = document["paths"].as_object().expect("paths").clone();
    let operations = paths.into_iter().flat_map(|(path, item)| {
        let methods = ["get", "put", "post", "delete", "patch", "head", "options", "trace"];
        methods.into_iter().filter_map(move |name| {
            let method = Method::from_bytes(name.to_uppercase().as_bytes()).expect("a method");
            item.get(name).map(|json| Operation { method, path: path.clone(), json: json.clone() })
        })
    });
    operations.collect()
}

/// `UPDATE=1 cargo nextest run openapi` writes the file anew.
#[test]
fn openapi_is_the_file_that_clients_are_made_from() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openapi.json");
    let now = format!("{}\n", document());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &now).expect("written");
    }
    let known = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        known == now,
        "the routes have changed: run UPDATE=1 cargo nextest run openapi, and look at the difference"
    );
}

#[test]
fn openapi_describes_every_route_in_full() {
    let document = parsed();
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
    let operations = operations();
    assert_eq!(operations.len(), 79, "routes; change this number together with the table");
    let mut ids = BTreeSet::new();
    for operation in &operations {
        let name = format!("{} {}", operation.method, operation.path);
        assert!(operation.json["summary"].is_string() && operation.json["tags"][0].is_string(), "{name}");
        assert!(ids.insert(operation.json["operationId"].to_string()), "{name}: its id is there twice");
        assert!(operation.json["security"].is_array(), "{name}: says nothing of security");
        let success = ["200", "201", "202", "204"];
        assert!(success.iter().any(|status| operation.json["responses"][status].is_object()), "{name}");
        if let Some(schema) = operation.body(&document) {
            assert!(schema["example"].is_object(), "{name}: its body has no example");
        }
    }
}

#[test]
fn openapi_refers_to_nothing_that_is_not_there() {
    fn walk(value: &Value, document: &Value) {
        if let Some(reference) = value["$ref"].as_str() {
            assert!(document.pointer(&reference[1..]).is_some(), "{reference}");
        }
        match value {
            Value::Object(map) => map.values().for_each(|value| walk(value, document)),
            Value::Array(list) => list.iter().for_each(|value| walk(value, document)),
            _ => {}
        }
    }
    let document = parsed();
    walk(&document, &document);
}

/// The schemas of bodies that the engine reads are written by hand: what they give as an example must be taken.
#[tokio::test]
async fn openapi_examples_are_accepted() {
    let world = World::with_integrations().await;
    let document = parsed();
    for operation in operations() {
        let Some(schema) = operation.body(&document) else {
            continue;
        };
        let name = format!("{} {}", operation.method, operation.path);
        let ask = Ask::new(operation.method.clone(), operation.concrete()).key(&world.admin).json(&schema["example"]);
        let answer = world.ask(&ask.header("prefer", "wait=0")).await;
        let fine = answer.status.is_success()
            || answer.status == StatusCode::GATEWAY_TIMEOUT // execute: nobody works here
            || answer.status == StatusCode::NOT_FOUND // a job or a release that is not there
            || answer.status == StatusCode::SERVICE_UNAVAILABLE; // no runner can be started here
        assert!(fine, "{name}: {} {}", answer.status, answer.text());
    }
}

/// Every property that a schema names is a field that the body may have.
#[tokio::test]
async fn openapi_bodies_name_only_fields_that_exist() {
    let world = World::with_integrations().await;
    let document = parsed();
    for operation in operations() {
        let Some(properties) = operation.body(&document).and_then(|schema| schema["properties"].as_object()) else {
            continue;
        };
        for property in properties.keys() {
            let body = serde_json::json!({ property: null });
            let ask = Ask::new(operation.method.clone(), operation.concrete()).key(&world.admin).json(&body);
            let answer = world.ask(&ask.header("prefer", "wait=0")).await;
            let refused = answer.status == StatusCode::BAD_REQUEST && answer.code() == "unknown_field";
            assert!(!refused, "{} {}: {property} {}", operation.method, operation.path, answer.text());
        }
    }
}
