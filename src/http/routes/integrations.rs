//! Integrations: save, look at, list, delete, pause, resume.

use axum::Json;
use axum::extract::State as Extracted;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use store::catalog::{Files, Integration, Pause, Trigger};
use store::queue::PageRequest;
use utoipa::{IntoParams, ToSchema};
use workers::authoring::{self, Submission};
use workers::hooks;
use workers::packages::{Lock, Locked};
use workers::settings::Settings;

use crate::http::auth::Caller;
use crate::http::body::{Body, Nothing, Wire, typed};
use crate::http::error::Problem;
use crate::http::openapi::bodies::SaveBody;
use crate::http::params::{First, Named, Number, Query};
use crate::http::state::{Limits, State};
use crate::http::wire::{self, List};

/// An integration with its draft.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IntegrationView {
    #[serde(flatten)]
    summary: IntegrationSummary,
    /// The draft's files: name to text.
    files: Files,
    /// The draft's settings.
    #[schema(value_type = Value)]
    settings: Box<RawValue>,
    /// A payload to try it with.
    #[schema(value_type = Value)]
    sample: Box<RawValue>,
    /// The npm packages of the draft, with the versions that were chosen when it was saved: those that `package.json` asks
    /// for first.
    packages: Vec<PackageView>,
    /// What the draft and its settings do that their author may not have meant.
    warnings: Vec<String>,
    /// The path at which it is called, if its trigger is `http`.
    hook: Option<String>,
}

/// An npm package of a draft.
#[derive(Serialize, ToSchema)]
pub struct PackageView {
    /// Its name.
    name: String,
    /// Its version.
    version: String,
    /// Whether `package.json` asks for it, rather than another package.
    direct: bool,
}

/// An integration as lists show it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IntegrationSummary {
    /// Its id.
    id: String,
    /// Its name, unique in the workspace.
    name: String,
    /// One line on what it does.
    description: String,
    /// What makes it run: `experience`, `http`, `event` or `recurring`.
    trigger: &'static str,
    /// Its highest release, such as `1.4`; null while it is only a draft.
    release: Option<String>,
    /// Since when and why it is paused; null while it is not.
    pause: Option<PauseView>,
    /// When it was created.
    created_at: String,
    /// When its draft was saved last.
    updated_at: String,
}

/// Since when and why an integration is paused.
#[derive(Serialize, ToSchema)]
pub struct PauseView {
    /// The operator's words.
    note: String,
    /// Since when.
    at: String,
}

impl From<Pause> for PauseView {
    fn from(pause: Pause) -> Self {
        Self { note: pause.note, at: wire::time(pause.at) }
    }
}

impl From<Integration> for IntegrationSummary {
    fn from(integration: Integration) -> Self {
        Self {
            id: integration.id.to_string(),
            name: integration.name,
            description: integration.description,
            trigger: integration.trigger.name(),
            release: integration.latest.map(|number| number.to_string()),
            pause: integration.pause.map(PauseView::from),
            created_at: wire::time(integration.created),
            updated_at: wire::time(integration.updated),
        }
    }
}

impl From<Integration> for IntegrationView {
    fn from(mut integration: Integration) -> Self {
        let lock = integration.draft.lock.as_deref().and_then(Lock::parse);
        Self {
            files: std::mem::take(&mut integration.draft.files),
            settings: wire::raw(&integration.draft.settings),
            sample: wire::raw(&integration.draft.sample),
            packages: packages(lock.as_ref()),
            warnings: warnings(&integration.draft.settings, integration.trigger, lock.as_ref()),
            hook: (integration.trigger == Trigger::Http)
                .then(|| hooks::path(&integration.workspace, &integration.name)),
            summary: integration.into(),
        }
    }
}

/// The integration, and what is missing for it to be called.
fn view(state: &State, integration: Integration) -> IntegrationView {
    let settings = serde_json::from_str(&integration.draft.settings).ok();
    let settings = settings.and_then(|settings| Settings::parse(&settings).ok());
    let missing = settings.map(|settings| hooks::missing_secrets(&state.services, integration.id, &settings));
    let mut view = IntegrationView::from(integration);
    view.warnings.extend(missing.unwrap_or_default());
    view
}

fn warnings(settings: &str, trigger: Trigger, lock: Option<&Lock>) -> Vec<String> {
    let settings = serde_json::from_str(settings).ok().and_then(|settings| Settings::parse(&settings).ok());
    let warnings = settings.map(|settings| settings.warnings(trigger)).unwrap_or_default();
    warnings.into_iter().chain(lock.into_iter().flat_map(|lock| lock.notes.clone())).collect()
}

fn packages(lock: Option<&Lock>) -> Vec<PackageView> {
    let all = lock.into_iter().flat_map(|lock| lock.packages.values());
    let view = |locked: &Locked| PackageView {
        name: locked.name.clone(),
        version: locked.version.clone(),
        direct: locked.direct,
    };
    let mut views: Vec<PackageView> = all.map(view).collect();
    views.sort_by(|a, b| b.direct.cmp(&a.direct).then_with(|| (&a.name, &a.version).cmp(&(&b.name, &b.version))));
    views.dedup_by(|a, b| (&a.name, &a.version) == (&b.name, &b.version));
    views
}

/// The integration that a path names.
pub async fn find(state: &State, name: &str) -> Result<Integration, Problem> {
    let found = state.services.catalog.integration(&state.services.options.workspace, name).await?;
    found.ok_or_else(|| Problem::no_integration(name))
}

/// The body that saves an integration; `workers` reads it, for deployments from files use the same words.
pub struct Save(Submission);

impl Wire for Save {
    fn limit(limits: &Limits) -> usize {
        limits.integration_body_bytes
    }

    fn read(value: Value) -> Result<Self, Problem> {
        Ok(Self(Submission::parse(value)?))
    }
}

/// Create an integration, or replace its draft
#[utoipa::path(put, operation_id = "saveIntegration", path = "/v1/integrations/{name}", tag = "integrations", request_body = SaveBody,
    params(("name" = String, Path, description = "The integration", example = "order-alert")),
    responses(
        (status = 201, description = "Created", body = IntegrationView),
        (status = 200, description = "The draft is replaced", body = IntegrationView),
    ))]
pub async fn save(
    Extracted(state): Extracted<State>,
    Named(name): Named,
    Body(Save(submission)): Body<Save>,
) -> Result<(StatusCode, Json<IntegrationView>), Problem> {
    let (integration, created) = authoring::save(&state.services, &name, submission).await?;
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(view(&state, integration))))
}

/// Look at an integration
#[utoipa::path(get, operation_id = "getIntegration", path = "/v1/integrations/{name}", tag = "integrations",
    params(("name" = String, Path, description = "The integration", example = "order-alert")),
    responses((status = 200, description = "The integration with its draft", body = IntegrationView)))]
pub async fn show(Extracted(state): Extracted<State>, Named(name): Named) -> Result<Json<IntegrationView>, Problem> {
    Ok(Json(view(&state, find(&state, &name).await?)))
}

/// Delete an integration with its jobs
#[utoipa::path(delete, operation_id = "deleteIntegration", path = "/v1/integrations/{name}", tag = "integrations",
    params(("name" = String, Path, description = "The integration", example = "order-alert")),
    responses((status = 204, description = "It is gone; its runs stay until history forgets them")))]
pub async fn remove(Extracted(state): Extracted<State>, Named(name): Named) -> Result<StatusCode, Problem> {
    authoring::remove(&state.services, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Which integrations to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Listing {
    /// How many (20).
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    first: Option<First>,
    /// Those after this name.
    after: Option<String>,
    /// Those before this name.
    before: Option<String>,
}

/// List integrations, by name
#[utoipa::path(get, operation_id = "listIntegrations", path = "/v1/integrations", tag = "integrations", params(Listing),
    responses((status = 200, description = "A page of integrations", body = List<IntegrationSummary>)))]
pub async fn list(
    Extracted(state): Extracted<State>,
    caller: Caller,
    Query(listing): Query<Listing>,
) -> Result<Json<List<IntegrationSummary>>, Problem> {
    let Listing { first, after, before } = listing;
    if after.is_some() && before.is_some() {
        return Err(Problem::invalid("before", "invalid_parameter", "cannot be used together with `after`"));
    }
    let first = first.map_or(20, |Number(first)| first);
    if caller.is_bound() {
        return bound(&state, &caller).await.map(Json);
    }
    let request = PageRequest { first, after, before };
    let page = state.services.catalog.list_integrations(&state.services.options.workspace, request).await?;
    Ok(Json(List::of(page, |integration| integration.name.clone(), IntegrationSummary::from)))
}

/// The integrations a key is bound to, which are few: one page.
async fn bound(state: &State, caller: &Caller) -> Result<List<IntegrationSummary>, Problem> {
    let mut items = Vec::new();
    for name in caller.integrations() {
        items.extend(
            state
                .services
                .catalog
                .integration(&state.services.options.workspace, name)
                .await?
                .map(IntegrationSummary::from),
        );
    }
    items.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(List { next: None, prev: None, total_count: items.len() as u64, items })
}

/// Why it is paused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"note": "the shop is being moved"}))]
pub struct PauseBody {
    /// The operator's words, at most 1 KiB.
    #[serde(default)]
    pub(super) note: String,
}

impl Wire for PauseBody {
    fn read(value: Value) -> Result<Self, Problem> {
        typed(value)
    }
}

/// Hold an integration's jobs
#[utoipa::path(post, operation_id = "pauseIntegration", path = "/v1/integrations/{name}/pause", tag = "integrations", request_body = PauseBody,
    params(("name" = String, Path, description = "The integration", example = "order-alert")),
    responses((status = 200, description = "The paused integration", body = IntegrationView)))]
pub async fn pause(
    Extracted(state): Extracted<State>,
    Named(name): Named,
    Body(PauseBody { note }): Body<PauseBody>,
) -> Result<Json<IntegrationView>, Problem> {
    Ok(Json(authoring::pause(&state.services, &name, note).await?.into()))
}

/// Let an integration's jobs start again
#[utoipa::path(post, operation_id = "resumeIntegration", path = "/v1/integrations/{name}/resume", tag = "integrations",
    params(("name" = String, Path, description = "The integration", example = "order-alert")),
    responses((status = 200, description = "The integration", body = IntegrationView)))]
pub async fn resume(
    Extracted(state): Extracted<State>,
    Named(name): Named,
    Body(Nothing): Body<Nothing>,
) -> Result<Json<IntegrationView>, Problem> {
    Ok(Json(authoring::resume(&state.services, &name).await?.into()))
}
