//! Time zones for `Intl`: the IANA database, as a name's rules at a time.

use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::{OffsetName, TZ_VARIANTS, Tz};
use rquickjs::{Array, Ctx, Function, Object, Result};

pub(super) fn install<'js>(ctx: &Ctx<'js>, object: &Object<'js>) -> Result<()> {
    object.set("zone", Function::new(ctx.clone(), canonical)?)?;
    object.set("zones", Function::new(ctx.clone(), || TZ_VARIANTS.map(Tz::name).to_vec())?)?;
    object.set("zoneAt", Function::new(ctx.clone(), at)?)
}

fn find(name: &str) -> Option<&'static Tz> {
    TZ_VARIANTS.iter().find(|zone| zone.name().eq_ignore_ascii_case(name))
}

/// A zone's name as the database writes it.
fn canonical(name: String) -> Option<String> {
    find(&name).map(|zone| zone.name().to_owned())
}

/// Seconds east of UTC and the abbreviation, at a time in milliseconds; `None` for an unknown zone or time.
fn at(ctx: Ctx<'_>, name: String, ms: f64) -> Result<Option<Array<'_>>> {
    let found = name.parse::<Tz>().ok().zip(DateTime::from_timestamp_millis(ms as i64));
    let Some((zone, time)) = found else {
        return Ok(None);
    };
    let offset = zone.offset_from_utc_datetime(&time.naive_utc());
    let answer = Array::new(ctx)?;
    answer.set(0, offset.fix().local_minus_utc())?;
    answer.set(1, offset.abbreviation().unwrap_or_default())?;
    Ok(Some(answer))
}
