//! The due times behind `setTimeout` and its kin.

use std::rc::Rc;
use std::time::Duration;

use rquickjs::{Ctx, Function, Object, Result};

use crate::sandbox::Desk;

pub(super) fn install<'js>(ctx: &Ctx<'js>, object: &Object<'js>, desk: &Rc<Desk>) -> Result<()> {
    let timers = Rc::clone(desk);
    let set = move |id: u32, ms: f64| -> Result<()> {
        timers.host()?.set_timer(id, Duration::from_micros((ms * 1000.0) as u64));
        Ok(())
    };
    object.set("timer", Function::new(ctx.clone(), set)?)?;
    let timers = Rc::clone(desk);
    let clear = move |id: u32| -> Result<()> {
        timers.host()?.clear_timer(id);
        Ok(())
    };
    object.set("clearTimer", Function::new(ctx.clone(), clear)?)
}
