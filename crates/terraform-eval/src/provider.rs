//! What a provider adds to the language. The evaluator itself knows no resource type.
use source_text::Value;

/// The resource types and data sources of a provider, as far as their attributes follow from the configuration.
pub struct Provider {
    /// The prefix of its types, as `aws_`. Resources of other providers are evaluated only where they are referred to.
    pub prefix: &'static str,
    /// Attributes with the value of another attribute: the type, the attribute, the other attribute.
    pub aliases: &'static [(&'static str, &'static str, &'static str)],
    /// Data sources that compose a document.
    pub documents: &'static [DocumentSource],
    /// Attributes of data sources that follow from another attribute.
    pub derived: &'static [DerivedAttribute],
    /// Whether a key that repeats in an object is an error that must be reported. Terraform takes the last value of any
    /// other repeated key.
    pub rejects_duplicate_key: fn(&str) -> bool,
}

/// A data source that composes a JSON document from its whole configuration.
pub struct DocumentSource {
    /// The type of the data source.
    pub data_type: &'static str,
    /// The attributes that are the document as text. All others are unknown.
    pub attributes: &'static [&'static str],
    /// Composes the document from the evaluated configuration.
    pub compose: fn(&Value) -> Value,
}

/// An attribute of a data source that follows from another one, where it is not configured itself.
pub struct DerivedAttribute {
    /// The type of the data source.
    pub data_type: &'static str,
    /// The attribute.
    pub attribute: &'static str,
    /// The attribute that it follows from.
    pub from: &'static str,
    /// The value, where the other one determines it.
    pub derive: fn(&Value) -> Option<Value>,
}

impl Provider {
    /// The document that a type of data source composes.
    pub(crate) fn document(&self, data_type: &str) -> Option<&'static DocumentSource> {
        self.documents.iter().find(|d| d.data_type == data_type)
    }

    /// How an attribute of a data source is derived.
    pub(crate) fn derived_attribute(&self, data_type: &str, attribute: &str) -> Option<&'static DerivedAttribute> {
        self.derived.iter().find(|d| d.data_type == data_type && d.attribute == attribute)
    }
}
