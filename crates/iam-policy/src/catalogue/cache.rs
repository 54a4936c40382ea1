//! A bounded cache by name.
use hashbrown::HashMap;

/// Names that are cached; the next one empties the cache.
const MAX_CACHED_NAMES: usize = 20_000;

/// What was found for a name before.
pub(super) struct Cache<T>(HashMap<String, T>);

impl<T> Default for Cache<T> {
    fn default() -> Cache<T> {
        Cache(HashMap::new())
    }
}

impl<T: Clone> Cache<T> {
    /// The cached value of a name, or what `find` finds.
    pub(super) fn get_or_insert(&mut self, name: &str, find: impl FnOnce() -> T) -> T {
        if let Some(found) = self.0.get(name) {
            return found.clone();
        }
        if self.0.len() >= MAX_CACHED_NAMES {
            self.0.clear();
        }
        let found = find();
        self.0.insert(name.to_owned(), found.clone());
        found
    }
}
