//! What evaluation may cost, counted while it runs. Knows nothing of expressions.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cel::common::types::{CelList, CelMap, CelMapKey, CelString, Type};
use cel::common::value::{CowVal, StaticVal, Val};
use cel::{Env, ExecutionError};

use super::rewrite::{ITEMS, WEIGH};

/// The most items of a list that an expression goes through: the most cells of a run.
pub(crate) const ITEMS_MAX: usize = 10_000;

/// The most work of one evaluation, in nodes copied or looked at (16 bytes of text
/// count as one): about 150 ms on the slowest machine that this was tried on, and
/// twenty times what the campaign's largest expression takes.
const WORK_MAX: u64 = 2_000_000;

/// Counts down while an expression is evaluated. Once it is spent, everything that
/// asks it fails, so that no operator can absorb the error.
#[derive(Clone, Debug)]
pub(super) struct Meter(Arc<AtomicU64>);

static METER_TYPE: Type = Type::new_unspecified_type("bailiwick.meter");

impl Meter {
    pub(super) fn new() -> Self {
        Self(Arc::new(AtomicU64::new(WORK_MAX)))
    }

    pub(super) fn is_spent(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }

    pub(super) fn charge(&self, work: u64) -> Result<(), ExecutionError> {
        let left = self.0.load(Ordering::Relaxed).saturating_sub(work);
        self.0.store(left, Ordering::Relaxed);
        if left == 0 {
            return Err(ExecutionError::function_error("meter", "too much work"));
        }
        Ok(())
    }

    /// Charges the whole value, stopping as soon as the meter is spent.
    fn weigh(&self, value: &dyn Val) -> Result<(), ExecutionError> {
        if let Some(text) = value.downcast_ref::<CelString>() {
            return self.charge(1 + text.inner().len() as u64 / 16);
        }
        self.charge(1)?;
        if let Some(list) = value.downcast_ref::<CelList>() {
            for item in list.inner() {
                self.weigh(item.as_ref())?;
            }
        } else if let Some(map) = value.downcast_ref::<CelMap>() {
            for item in map.inner().values() {
                self.charge(1)?;
                self.weigh(item.as_ref())?;
            }
        }
        Ok(())
    }
}

impl Val for Meter {
    fn get_type(&self) -> &Type {
        &METER_TYPE
    }

    fn cel_type() -> &'static Type {
        &METER_TYPE
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for Meter {}

/// Adds the two functions that the rewriting puts in.
pub(super) fn install(env: &mut Env) -> Result<(), cel::DeclarationError> {
    let any = || vec![cel::common::types::DYN_TYPE, cel::common::types::DYN_TYPE];
    env.add_overload(WEIGH, "bailiwick_weigh", any(), weigh)?;
    env.add_overload(ITEMS, "bailiwick_items", any(), items)
}

fn weigh<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let (meter, value) = metered(arguments)?;
    meter.weigh(value.as_ref())?;
    Ok(value)
}

/// A list as it is, a map as the sorted list of its keys (the crate's own order of
/// keys differs from run to run).
fn items<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let (meter, value) = metered(arguments)?;
    meter.weigh(value.as_ref())?;
    let count = value.as_sizer().map_or(0, |sizer| sizer.size().into_inner());
    if usize::try_from(count).is_ok_and(|count| count > ITEMS_MAX) {
        let message = format!("goes through {count} items; at most {ITEMS_MAX} are allowed");
        return Err(ExecutionError::function_error("the list", message));
    }
    let Some(map) = value.as_ref().downcast_ref::<CelMap>() else { return Ok(value) };
    let mut keys: Vec<CelMapKey<'v>> = map.inner().keys().cloned().collect();
    keys.sort();
    let keys: Vec<Box<dyn Val + 'v>> =
        keys.iter().map(|key| key.inner().clone_as_boxed()).collect();
    Ok(CowVal::owned(CelList::from(keys)))
}

fn metered<'b, 'v>(
    arguments: Vec<CowVal<'b, 'v>>,
) -> Result<(Meter, CowVal<'b, 'v>), ExecutionError> {
    let mut arguments = arguments.into_iter();
    let meter = arguments.next().and_then(|first| first.downcast_ref::<Meter>().cloned());
    match (meter, arguments.next()) {
        (Some(meter), Some(value)) => Ok((meter, value)),
        _ => Err(ExecutionError::missing_argument_or_target()),
    }
}
