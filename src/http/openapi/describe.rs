//! The description's head, and what every route's description has in common: its security and its refusals.

use utoipa::ToSchema;
use utoipa::openapi::path::{Operation, ParameterIn, Paths};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder};

use crate::http::access::Access;

const SCHEME: &str = "apiKey";

/// A refusal of the management plane (RFC 9457); some codes have members more.
#[derive(ToSchema)]
#[schema(example = json!({
    "type": "urn:tidegate:problem:invalid_name", "title": "Bad Request", "status": 400, "code": "invalid_name",
    "detail": "must be 1 to 63 characters: lower-case letters, digits and dashes, starting with a letter", "field": "name"
}))]
#[expect(dead_code, reason = "documentation: `error::Problem` writes it")]
struct ProblemDocument {
    /// `urn:tidegate:problem:` and the code.
    r#type: String,
    /// The status in words.
    title: String,
    /// The status.
    status: u16,
    /// A stable code.
    code: String,
    /// What is wrong and what would be right.
    detail: String,
    /// The field, header or parameter that is wrong.
    field: Option<String>,
}

/// A refusal of the invocation plane; some codes have members more.
#[derive(ToSchema)]
#[schema(example = json!({
    "ok": false,
    "error": {"code": "invalid_delay", "message": "must be milliseconds, or a text such as \"2 days\"", "field": "delay"}
}))]
#[expect(dead_code, reason = "documentation: `error::Problem` writes it")]
struct ErrorEnvelope {
    /// Always false.
    ok: bool,
    /// What is wrong.
    error: ErrorBody,
}

/// What is wrong.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documentation: `error::Problem` writes it")]
struct ErrorBody {
    /// A stable code; of a failed run, the script's.
    code: String,
    /// What is wrong and what would be right.
    message: String,
    /// The field, header or parameter that is wrong.
    field: Option<String>,
    /// Of a failed run: the JavaScript error's name.
    name: Option<String>,
    /// Of a failed run: the stack in the author's own lines.
    stack: Option<String>,
    /// Of a rate limit: the rule, such as `100 per 1h by email`.
    rule: Option<String>,
    /// Of a rate limit or a full engine: when to come back, in milliseconds.
    #[schema(rename = "retryAfterMs")]
    retry_after_ms: Option<u64>,
    /// Of a call that made a job: its id.
    #[schema(rename = "jobId")]
    job_id: Option<String>,
    /// Of a failed run: its id.
    #[schema(rename = "runId")]
    run_id: Option<String>,
}

/// The statuses with which a request can be refused.
const REFUSALS: [(&str, &str); 13] = [
    ("400", "Something in the request is wrong: `field` names it"),
    ("401", "No API key, or not a valid one"),
    ("403", "The API key may not do this"),
    ("404", "What the path or the request names does not exist"),
    ("408", "The body took too long to arrive"),
    ("409", "The request does not fit the present state"),
    ("413", "The body is too large"),
    ("414", "Path and query are too long"),
    ("415", "The body is not JSON"),
    ("422", "The script is wrong, or its run failed"),
    ("429", "Too many requests: `Retry-After`, unless no time would help, tells when to come back"),
    ("431", "The headers are too large"),
    ("503", "The engine is full or its storage does not answer: `Retry-After` tells when to come back"),
];
const PUBLIC_REFUSALS: [&str; 2] = ["414", "431"];

/// The description without routes.
pub fn head() -> OpenApi {
    #[derive(utoipa::OpenApi)]
    #[openapi(
        info(
            title = "Tidegate",
            description = "Runs JavaScript integrations at the right time.\n\nThe invocation plane (execute, schedule, reschedule, cancel, and publishing events) answers `{ok, data}` or `{ok, error}`; every other route refuses with an RFC 9457 problem document. Codes are stable, sentences are not.",
            license(name = "Apache-2.0", identifier = "Apache-2.0"),
        ),
        components(schemas(ProblemDocument, ErrorEnvelope, ErrorBody)),
        tags(
            (name = "invoke", description = "Run integrations, now or later"),
            (name = "hooks", description = "What starts integrations with the trigger `http`"),
            (name = "integrations", description = "Save, try, pause"),
            (name = "releases", description = "What serves triggers"),
            (name = "events", description = "Publish what happened, and see what became of it"),
            (name = "jobs", description = "What the queue holds"),
            (name = "runs", description = "What happened, and what is happening"),
            (name = "limits", description = "What is in the buckets of rate limits, and limiters that integrations share"),
            (name = "secrets", description = "What scripts need and nobody may see"),
            (name = "api keys", description = "Who may do what"),
            (name = "probes", description = "For machines that watch"),
        ),
    )]
    struct Head;
    let mut head = <Head as utoipa::OpenApi>::openapi();
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("tg_…");
    let scheme = scheme.description(Some("An API key; its scopes say what it may do, `admin` includes all others. A publishable one (`tg_pub_…`) executes, schedules, reschedules and cancels, and nothing else."));
    head.components.get_or_insert_default().add_security_scheme(SCHEME, SecurityScheme::Http(scheme.build()));
    head
}

/// Adds what follows from a route's access; returns the names of the query parameters that it takes.
pub fn complete(paths: &mut Paths, access: Access) -> Vec<String> {
    let mut queries = Vec::new();
    for (path, item) in &mut paths.paths {
        let operations =
            [(&mut item.get, false), (&mut item.put, false), (&mut item.post, true), (&mut item.delete, false)];
        for (operation, is_post) in operations {
            let Some(operation) = operation else { continue };
            queries.extend(query_names(operation));
            secure(operation, access);
            refuse(operation, (path, is_post), access);
        }
    }
    queries
}

fn query_names(operation: &Operation) -> Vec<String> {
    let parameters = operation.parameters.iter().flatten();
    let queries = parameters.filter_map(|parameter| match parameter {
        RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query => Some(parameter.name.clone()),
        _ => None,
    });
    queries.collect()
}

fn secure(operation: &mut Operation, access: Access) {
    let key = access.scope().map(|scope| SecurityRequirement::new(SCHEME, [scope.name()]));
    operation.security = Some(match (access, key) {
        (Access::Metrics, Some(key)) => vec![key, SecurityRequirement::default()],
        (_, Some(key)) => vec![key],
        (_, None) => Vec::new(),
    });
}

fn refuse(operation: &mut Operation, (path, is_post): (&str, bool), access: Access) {
    let invocation = crate::http::edge::is_invocation(path, is_post);
    let (schema, media) = if invocation {
        ("ErrorEnvelope", "application/json")
    } else {
        ("ProblemDocument", "application/problem+json")
    };
    let answer = |description: &str| -> RefOr<Response> {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).build();
        ResponseBuilder::new().description(description).content(media, content).build().into()
    };
    let responses = &mut operation.responses.responses;
    for (status, description) in REFUSALS {
        if access != Access::Public || PUBLIC_REFUSALS.contains(&status) {
            responses.entry(status.to_owned()).or_insert_with(|| answer(description));
        }
    }
    if path.ends_with("/execute") {
        let description = "`execution_pending`: the run takes longer than the call may wait, and goes on";
        responses.insert("504".to_owned(), answer(description));
    }
}
