//! What was asked before, for the same names come again and again.
use std::cell::RefCell;
use std::rc::Rc;

use hashbrown::HashMap;

use super::{Action, ConditionKey, Service};

type Known<T> = std::thread::LocalKey<RefCell<HashMap<String, T>>>;

thread_local! {
    /// What patterns stand for; the same ones come again and again.
    static EXPANDED: RefCell<HashMap<String, Rc<[Action]>>> = RefCell::default();
    /// What names of condition keys stand for; every rule about conditions asks for the same ones.
    static KEYS_FOUND: RefCell<HashMap<String, Option<ConditionKey>>> = RefCell::default();
}

/// Patterns, and names of condition keys, that are remembered at most.
const MAX_CACHED_NAMES: usize = 20_000;

fn remembered<T: Clone>(known: &'static Known<T>, name: &str, find: impl FnOnce() -> T) -> T {
    known.with_borrow_mut(|known| {
        if let Some(found) = known.get(name) {
            return found.clone();
        }
        if known.len() >= MAX_CACHED_NAMES {
            known.clear();
        }
        let found = find();
        known.insert(name.to_owned(), found.clone());
        found
    })
}

/// The actions that a pattern `service:Name` stands for; none when there is no such service.
pub fn expand(pattern: &str) -> Rc<[Action]> {
    remembered(&EXPANDED, pattern, || {
        let split = pattern.split_once(':').and_then(|(prefix, name)| Some((Service::find(prefix)?, name)));
        split.into_iter().flat_map(|(service, name)| service.matching(name)).collect()
    })
}

/// The condition key of a name.
pub fn key(name: &str) -> Option<ConditionKey> {
    remembered(&KEYS_FOUND, name, || ConditionKey::search(name))
}
