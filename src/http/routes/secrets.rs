//! Secrets: set, list, remove; of an integration or of the whole workspace. No answer ever has a value.

use axum::Json;
use axum::extract::State as Extracted;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::catalog::StoredSecret;
use utoipa::ToSchema;
use workers::secrets::{self, NewSecret};

use crate::http::body::{Body, Wire, typed};
use crate::http::error::Problem;
use crate::http::params::{Named, SecretName};
use crate::http::state::State;
use crate::http::wire::{self, List};

/// The secret to set.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schema(example = json!({"value": "k-3f0c9a7e51", "gatewayOnly": true, "hosts": ["api.example.com"]}))]
pub struct SecretBody {
    /// Its value: 6 bytes to 8 KiB.
    #[schema(min_length = 6, max_length = 8192)]
    value: String,
    /// Whether scripts see the placeholder `$(secret:NAME)` only, which is resolved when a request leaves.
    #[serde(default)]
    gateway_only: bool,
    /// The hosts it may be sent to by a placeholder: `api.example.com` (https on 443), `*.example.com`,
    /// `api.example.com:8443`, `http://10.1.2.3:8080`; absent or empty is any.
    #[serde(default)]
    hosts: Vec<String>,
}

impl Wire for SecretBody {
    fn read(value: Value) -> Result<Self, Problem> {
        // serde repeats what it cannot use, and that may be the secret.
        if value.get("value").is_some_and(|value| !value.is_string()) {
            return Err(Problem::invalid("value", "invalid_type", "must be a text"));
        }
        typed(value)
    }
}

impl SecretBody {
    fn named(self, name: String) -> NewSecret {
        NewSecret { name, value: self.value.into(), gateway_only: self.gateway_only, hosts: self.hosts }
    }
}

/// A secret without its value.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretView {
    /// Its name.
    name: String,
    /// Whether scripts see a placeholder only.
    gateway_only: bool,
    /// The hosts it may be sent to; empty is any.
    hosts: Vec<String>,
    /// When it was set first.
    created_at: String,
    /// When it was set last.
    updated_at: String,
}

impl From<StoredSecret> for SecretView {
    fn from(secret: StoredSecret) -> Self {
        Self {
            name: secret.name,
            gateway_only: secret.gateway_only,
            hosts: secret.hosts,
            created_at: wire::time(secret.created),
            updated_at: wire::time(secret.updated),
        }
    }
}

/// All of them: they are few.
fn listed(secrets: Vec<StoredSecret>) -> Json<List<SecretView>> {
    let items: Vec<_> = secrets.into_iter().map(SecretView::from).collect();
    Json(List { next: None, prev: None, total_count: items.len() as u64, items })
}

/// Set a secret of an integration
#[utoipa::path(put, operation_id = "setSecret", path = "/v1/integrations/{name}/secrets/{secret}", tag = "secrets", request_body = SecretBody,
    params(("name" = String, Path, description = "The integration", example = "order-alert"), ("secret" = String, Path, description = "The secret", example = "CHAT_TOKEN")),
    responses((status = 204, description = "It is set; the next run sees it")))]
pub async fn set(
    Extracted(state): Extracted<State>,
    Named(name): Named,
    SecretName(secret): SecretName,
    Body(body): Body<SecretBody>,
) -> Result<StatusCode, Problem> {
    secrets::set(&state.services, Some(&name), &body.named(secret)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Remove a secret of an integration
#[utoipa::path(delete, operation_id = "removeSecret", path = "/v1/integrations/{name}/secrets/{secret}", tag = "secrets",
    params(("name" = String, Path, description = "The integration", example = "order-alert"), ("secret" = String, Path, description = "The secret", example = "CHAT_TOKEN")),
    responses((status = 204, description = "It is gone; the next run does not see it")))]
pub async fn remove(
    Extracted(state): Extracted<State>,
    Named(name): Named,
    SecretName(secret): SecretName,
) -> Result<StatusCode, Problem> {
    secrets::remove(&state.services, Some(&name), &secret).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List the secrets of an integration, by name
#[utoipa::path(get, operation_id = "listSecrets", path = "/v1/integrations/{name}/secrets", tag = "secrets",
    params(("name" = String, Path, description = "The integration", example = "order-alert")),
    responses((status = 200, description = "All of its own, without their values", body = List<SecretView>)))]
pub async fn list(Extracted(state): Extracted<State>, Named(name): Named) -> Result<Json<List<SecretView>>, Problem> {
    Ok(listed(secrets::list(&state.services, Some(&name)).await?))
}

/// Set a secret of the whole workspace
#[utoipa::path(put, operation_id = "setWorkspaceSecret", path = "/v1/secrets/{secret}", tag = "secrets", request_body = SecretBody,
    params(("secret" = String, Path, description = "The secret", example = "CHAT_TOKEN")),
    responses((status = 204, description = "It is set; the next run of every integration sees it")))]
pub async fn set_shared(
    Extracted(state): Extracted<State>,
    SecretName(secret): SecretName,
    Body(body): Body<SecretBody>,
) -> Result<StatusCode, Problem> {
    secrets::set(&state.services, None, &body.named(secret)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Remove a secret of the whole workspace
#[utoipa::path(delete, operation_id = "removeWorkspaceSecret", path = "/v1/secrets/{secret}", tag = "secrets",
    params(("secret" = String, Path, description = "The secret", example = "CHAT_TOKEN")),
    responses((status = 204, description = "It is gone; the next run does not see it")))]
pub async fn remove_shared(
    Extracted(state): Extracted<State>,
    SecretName(secret): SecretName,
) -> Result<StatusCode, Problem> {
    secrets::remove(&state.services, None, &secret).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List the secrets of the whole workspace, by name
#[utoipa::path(get, operation_id = "listWorkspaceSecrets", path = "/v1/secrets", tag = "secrets",
    responses((status = 200, description = "All of them, without their values", body = List<SecretView>)))]
pub async fn list_shared(Extracted(state): Extracted<State>) -> Result<Json<List<SecretView>>, Problem> {
    Ok(listed(secrets::list(&state.services, None).await?))
}
