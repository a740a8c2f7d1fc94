//! Releases: numbered and written once, then only read.

use schedules::Millis;

use super::error::missing;
use super::open::{Change, Row};
use super::page::{self, Listing, Seek};
use super::row::{Columns, signed, to_json, unreadable};
use super::{Catalog, Files, Release, ReleaseNumber};
use crate::queue::{Page, PageRequest};
use crate::{Error, IntegrationId, Result};

/// The most releases one integration may have.
pub const MAX_RELEASES: u64 = 100_000;

/// Which part of the number a release raises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bump {
    /// `1.2` → `1.3`.
    #[default]
    Minor,
    /// `1.2` → `2.0`, for changes that callers notice.
    Major,
}

/// What is needed to make a release; its number is found by the catalog.
#[derive(Clone, Debug)]
pub struct NewRelease {
    /// Whose release.
    pub integration: IntegrationId,
    /// The code as written.
    pub files: Files,
    /// The settings, as JSON text.
    pub settings: String,
    /// The code as it runs, as JSON text.
    pub bundle: String,
    /// Its packages' exact versions, as JSON text; `None` without packages.
    pub lock: Option<String>,
    /// The author's words; may be empty.
    pub note: String,
    /// Now.
    pub created: Millis,
}

const LATEST_OF: &str = "SELECT latest_major, latest_minor FROM integrations WHERE id = $1";
const COUNT: &str = "SELECT COUNT(*) FROM releases WHERE integration = $1";
const INSERT: &str = "INSERT INTO releases (integration, major, minor, note, created, settings, files, bundle, \
                      packages) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
const SET_LATEST: &str = "UPDATE integrations SET latest_major = $2, latest_minor = $3 WHERE id = $1";

impl Catalog {
    /// Makes the next release of an integration: the first is `1.0`. One more than [`MAX_RELEASES`] is [`Error::Full`].
    pub async fn release(&self, new: NewRelease, bump: Bump) -> Result<Release> {
        let files = to_json("files", &new.files)?;
        // Raising the version comes first and lets one such change in at a time, so the number read is the highest.
        let mut change = self.begin_versioned().await?;
        let number = next_number(&mut change, new.integration, bump).await?;
        let (major, minor) = (i64::from(number.major), i64::from(number.minor));
        let integration = new.integration.to_string();
        sqlx::query(INSERT)
            .bind(&integration)
            .bind(major)
            .bind(minor)
            .bind(&new.note)
            .bind(new.created.0)
            .bind(&new.settings)
            .bind(files)
            .bind(&new.bundle)
            .bind(&new.lock)
            .execute(&mut *change)
            .await?;
        sqlx::query(SET_LATEST).bind(&integration).bind(major).bind(minor).execute(&mut *change).await?;
        change.commit().await?;
        let NewRelease { integration, files, settings, bundle, lock, note, created } = new;
        Ok(Release { integration, number, files, settings, bundle, lock, note, created })
    }
}

async fn next_number(change: &mut Change, integration: IntegrationId, bump: Bump) -> Result<ReleaseNumber> {
    let id = integration.to_string();
    let row = sqlx::query(LATEST_OF).bind(&id).fetch_optional(&mut **change).await?;
    let latest =
        row.ok_or_else(|| missing("integration", integration))?.release_number("latest_major", "latest_minor")?;
    let count: i64 = sqlx::query_scalar(COUNT).bind(&id).fetch_one(&mut **change).await?;
    let full = Error::Full { what: "releases of one integration", limit: MAX_RELEASES };
    if count >= signed(MAX_RELEASES) {
        return Err(full);
    }
    following(latest, bump).ok_or(full)
}

/// The number after `latest`; `None` when the numbers are used up.
fn following(latest: Option<ReleaseNumber>, bump: Bump) -> Option<ReleaseNumber> {
    let Some(ReleaseNumber { major, minor }) = latest else {
        return Some(ReleaseNumber { major: 1, minor: 0 });
    };
    match bump {
        Bump::Minor => Some(ReleaseNumber { major, minor: minor.checked_add(1)? }),
        Bump::Major => Some(ReleaseNumber { major: major.checked_add(1)?, minor: 0 }),
    }
}

macro_rules! whole {
    () => {
        "SELECT integration, major, minor, note, created, settings, files, bundle, packages FROM releases \
         WHERE integration = $1"
    };
}
const BY_NUMBER: &str = concat!(whole!(), " AND major = $2 AND minor = $3");
const SETTINGS: &str = "SELECT settings FROM releases WHERE integration = $1 AND major = $2 AND minor = $3";
const HIGHEST: &str = concat!(whole!(), " ORDER BY major DESC, minor DESC LIMIT 1");
const HIGHEST_OF_MAJOR: &str = concat!(whole!(), " AND major = $2 ORDER BY minor DESC LIMIT 1");
const LATEST: &str = "SELECT id, latest_major, latest_minor FROM integrations WHERE latest_major IS NOT NULL";

impl Catalog {
    /// The release with that number.
    pub async fn release_by_number(&self, id: IntegrationId, number: ReleaseNumber) -> Result<Option<Release>> {
        let row = sqlx::query(BY_NUMBER)
            .bind(id.to_string())
            .bind(i64::from(number.major))
            .bind(i64::from(number.minor))
            .fetch_optional(self.reader())
            .await?;
        row.as_ref().map(release).transpose()
    }

    /// The settings of a release, as JSON text.
    pub async fn release_settings(&self, id: IntegrationId, number: ReleaseNumber) -> Result<Option<String>> {
        let (major, minor) = (i64::from(number.major), i64::from(number.minor));
        let query = sqlx::query_scalar(SETTINGS).bind(id.to_string()).bind(major).bind(minor);
        Ok(query.fetch_optional(self.reader()).await?)
    }

    /// The highest release of an integration, or of one of its majors.
    pub async fn highest(&self, id: IntegrationId, major: Option<u32>) -> Result<Option<Release>> {
        let query = match major {
            None => sqlx::query(HIGHEST).bind(id.to_string()),
            Some(major) => sqlx::query(HIGHEST_OF_MAJOR).bind(id.to_string()).bind(i64::from(major)),
        };
        let row = query.fetch_optional(self.reader()).await?;
        row.as_ref().map(release).transpose()
    }

    /// The highest release's number of every integration that has one.
    pub async fn latest_releases(&self) -> Result<Vec<(IntegrationId, ReleaseNumber)>> {
        let rows = sqlx::query(LATEST).fetch_all(self.reader()).await?;
        let latest = |row: &Row| {
            let number = row.release_number("latest_major", "latest_minor")?;
            Ok((row.parsed("id")?, number.ok_or_else(|| unreadable("latest_major", "no number"))?))
        };
        rows.iter().map(latest).collect()
    }

    /// A page of an integration's releases, newest first; files and bundles are left out.
    pub async fn list_releases(&self, id: IntegrationId, request: PageRequest<ReleaseNumber>) -> Result<Page<Release>> {
        page::page(&NewestFirst { catalog: self, integration: id.to_string() }, request).await
    }
}

/// The releases of an integration from the highest number down.
struct NewestFirst<'a> {
    catalog: &'a Catalog,
    integration: String,
}

macro_rules! between_numbers {
    () => {
        "SELECT integration, major, minor, note, created, settings, '{}' AS files, '' AS bundle, NULL AS packages \
         FROM releases WHERE integration = $1 AND (major, minor) < ($2, $3) AND (major, minor) > ($4, $5) "
    };
}
const LIST: &str = concat!(between_numbers!(), "ORDER BY major DESC, minor DESC LIMIT $6");
const LIST_BACKWARDS: &str = concat!(between_numbers!(), "ORDER BY major, minor LIMIT $6");

impl Listing for NewestFirst<'_> {
    type Item = Release;
    type Cursor = ReleaseNumber;

    fn cursor(item: &Release) -> ReleaseNumber {
        item.number
    }

    async fn read(&self, seek: Seek<ReleaseNumber>) -> Result<Vec<Release>> {
        let pair = |number: ReleaseNumber| (i64::from(number.major), i64::from(number.minor));
        let below = seek.after.map_or((i64::MAX, 0), pair);
        let above = seek.before.map_or((-1, 0), pair);
        let rows = sqlx::query(if seek.backwards { LIST_BACKWARDS } else { LIST })
            .bind(&self.integration)
            .bind(below.0)
            .bind(below.1)
            .bind(above.0)
            .bind(above.1)
            .bind(signed(seek.limit))
            .fetch_all(self.catalog.reader())
            .await?;
        rows.iter().map(release).collect()
    }

    async fn total(&self) -> Result<u64> {
        let count: i64 = sqlx::query_scalar(COUNT).bind(&self.integration).fetch_one(self.catalog.reader()).await?;
        Ok(count.unsigned_abs())
    }
}

fn release(row: &Row) -> Result<Release> {
    Ok(Release {
        integration: row.parsed("integration")?,
        number: ReleaseNumber { major: row.number("major")?, minor: row.number("minor")? },
        files: row.json("files")?,
        settings: row.text("settings")?,
        bundle: row.text("bundle")?,
        lock: row.value("packages")?,
        note: row.text("note")?,
        created: row.millis("created")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_follows_the_latest_until_the_numbers_are_used_up() {
        fn check(latest: &str, bump: Bump, expected: Option<&str>) {
            let found = following(latest.parse().ok(), bump).map(|number| number.to_string());
            assert_eq!(found.as_deref(), expected, "{latest:?} {bump:?}");
        }
        check("", Bump::Minor, Some("1.0"));
        check("", Bump::Major, Some("1.0"));
        check("1.0", Bump::Minor, Some("1.1"));
        check("1.9", Bump::Minor, Some("1.10"));
        check("1.9", Bump::Major, Some("2.0"));
        check("4294967295.1", Bump::Major, None);
        check("1.4294967295", Bump::Minor, None);
    }
}
