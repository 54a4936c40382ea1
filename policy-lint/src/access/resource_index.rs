//! An index of resources by what can refer to them.
use std::collections::HashMap;

use source_text::{Data, PLACEHOLDER, Value};
use terraform_eval::{Resource, address};

use super::references::refers_to;

/// Resources by address and by the values of some of their attributes.
pub(super) struct ResourceIndex<'a> {
    resources: Vec<&'a Resource>,
    attributes: &'static [&'static str],
    by_address: HashMap<&'a str, usize>,
    /// By the address without the keys of instances.
    by_block: HashMap<String, Vec<usize>>,
    by_text: HashMap<&'a str, Vec<usize>>,
}

impl<'a> ResourceIndex<'a> {
    /// An index of `resources`, to which the values of `attributes` refer too.
    pub(super) fn new(
        resources: impl Iterator<Item = &'a Resource>,
        attributes: &'static [&'static str],
    ) -> ResourceIndex<'a> {
        let resources: Vec<&Resource> = resources.collect();
        let (mut by_address, mut by_block) = (HashMap::new(), HashMap::<String, Vec<usize>>::new());
        let mut by_text = HashMap::<&str, Vec<usize>>::new();
        for (number, resource) in resources.iter().enumerate() {
            by_address.entry(resource.address.as_str()).or_insert(number);
            by_block.entry(address::without_indexes(&resource.address)).or_default().push(number);
            for text in attributes.iter().filter_map(|a| resource.values.get(a)?.as_text()) {
                by_text.entry(text.raw()).or_default().push(number);
            }
        }
        ResourceIndex { resources, attributes, by_address, by_block, by_text }
    }

    /// The resources, by number.
    pub(super) fn resources(&self) -> &[&'a Resource] {
        &self.resources
    }

    /// The resource with a number.
    pub(super) fn get(&self, number: usize) -> &'a Resource {
        self.resources[number]
    }

    /// The number of the resource with an address.
    pub(super) fn at(&self, address: &str) -> Option<usize> {
        self.by_address.get(address).copied()
    }

    /// The numbers of the resources that a value [`refers_to`], in order.
    pub(super) fn all(&self, value: &Value) -> Vec<usize> {
        let mut found = match &value.data {
            Data::Unknown(unknown) => self.referred(unknown.reference.as_deref()),
            Data::String(text) if text.raw().chars().eq([PLACEHOLDER]) => {
                self.referred(text.unknowns()[0].reference.as_deref())
            }
            Data::String(text) => self.by_text.get(text.raw()).map_or(&[][..], Vec::as_slice).to_vec(),
            _ => Vec::new(),
        };
        found.dedup();
        found.retain(|&n| refers_to(value, self.resources[n], self.attributes));
        found
    }

    /// The number of the first resource that a value [`refers_to`].
    pub(super) fn first(&self, value: &Value) -> Option<usize> {
        self.all(value).first().copied()
    }

    /// The numbers of the resources that a reference can mean.
    fn referred(&self, reference: Option<&str>) -> Vec<usize> {
        let Some((address, _, _)) = reference.and_then(address::split_reference) else { return Vec::new() };
        match self.at(address) {
            Some(number) => vec![number],
            None => self.by_block.get(&address::without_indexes(address)).cloned().unwrap_or_default(),
        }
    }
}
