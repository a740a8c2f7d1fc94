//! Integrations brought into this process's own engine: the examples of `serve`, the folders of `dev` and `run`.

use serde_json::{Value, json};
use store::catalog::{Bump, Integration, Release, ReleaseNumber};
use workers::authoring::{self, Submission};
use workers::{Error, Services};

use super::folder::Folder;
use super::plan::{Change, Present, compare};
use super::{Failure, terminal};

/// What became of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deployed {
    /// A release was made.
    Released(ReleaseNumber),
    /// Its newest release is what the folder has.
    Unchanged,
}

/// Saves and releases the folder, if that changes anything.
pub async fn deploy(services: &Services, folder: &Folder) -> Result<Deployed, Error> {
    let submission = Submission::parse(folder.body.clone())?;
    let present = present(services, &folder.name).await?;
    if compare(&folder.body, present.as_ref()) == Change::Unchanged {
        return Ok(Deployed::Unchanged);
    }
    authoring::save(services, &folder.name, submission).await?;
    let release = authoring::release(services, &folder.name, String::new(), Bump::Minor).await?;
    Ok(Deployed::Released(release.number))
}

async fn present(services: &Services, name: &str) -> Result<Option<Present>, Error> {
    let Some(integration) = services.catalog.integration(&services.options.workspace, name).await? else {
        return Ok(None);
    };
    let release = services.catalog.highest(integration.id, None).await?;
    let released = release.is_some_and(|release| is_released(&integration, &release));
    Ok(Some(Present { draft: draft(&integration), released }))
}

fn is_released(integration: &Integration, release: &Release) -> bool {
    release.files == integration.draft.files && parse(&release.settings) == parse(&integration.draft.settings)
}

fn draft(integration: &Integration) -> Value {
    json!({
        "description": integration.description,
        "trigger": integration.trigger.name(),
        "files": integration.draft.files,
        "settings": parse(&integration.draft.settings),
        "sample": parse(&integration.draft.sample),
    })
}

fn parse(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_default()
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Script(error) => Self::new(terminal::script_error(&error)),
            Error::NotFound { message, .. } => Self::new(message).exit(super::failure::code::NOT_FOUND),
            error => Self::new(error.to_string()),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(error.to_string())
    }
}
