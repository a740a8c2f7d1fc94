//! The due times behind `setTimeout` and its kin.

use std::rc::Rc;
use std::time::Duration;

use rquickjs::{Ctx, Function, Object, Result};

use crate::sandbox::Host;

pub(super) fn install<'js>(ctx: &Ctx<'js>, object: &Object<'js>, host: &Rc<Host>) -> Result<()> {
    let timers = Rc::clone(host);
    let set = move |id: u32, ms: f64| timers.set_timer(id, Duration::from_micros((ms * 1000.0) as u64));
    object.set("timer", Function::new(ctx.clone(), set)?)?;
    let timers = Rc::clone(host);
    object.set("clearTimer", Function::new(ctx.clone(), move |id: u32| timers.clear_timer(id))?)
}
