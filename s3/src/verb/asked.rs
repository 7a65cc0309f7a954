//! What all listings of keys are asked with, and how they show keys and common prefixes.

use super::{encodes_keys, page_size};
use crate::error::S3Error;
use crate::percent::encode_key;
use crate::query::Query;
use crate::xml::Document;
use std::borrow::Cow;

/// The query of a listing.
pub struct Asked<'a> {
    /// Only keys with this prefix.
    pub prefix: &'a str,
    /// Keys that share what is up to this become one entry. Not empty.
    pub delimiter: Option<&'a str>,
    /// Entries at most.
    pub limit: usize,
    /// Keys are percent-encoded.
    pub encoded: bool,
}

impl<'a> Asked<'a> {
    /// Of a query whose number of entries is called `limit`.
    ///
    /// # Errors
    /// `InvalidArgument`.
    pub fn of(query: &'a Query, limit: &'static str) -> Result<Self, S3Error> {
        Ok(Self {
            prefix: query.get("prefix").unwrap_or_default(),
            delimiter: query.get("delimiter").filter(|delimiter| !delimiter.is_empty()),
            limit: page_size(query, limit)?,
            encoded: encodes_keys(query)?,
        })
    }

    /// A key as it is shown.
    pub fn shown<'k>(&self, key: &'k str) -> Cow<'k, str> {
        if self.encoded { Cow::Owned(encode_key(key)) } else { Cow::Borrowed(key) }
    }

    /// Repeats the delimiter, if there is one.
    pub fn write_delimiter(&self, document: &mut Document) {
        document.optional("Delimiter", self.delimiter.map(|it| self.shown(it)).as_deref());
    }

    /// Says that keys are encoded, if they are.
    pub fn write_encoding(&self, document: &mut Document) {
        document.optional("EncodingType", self.encoded.then_some("url"));
    }

    /// The common prefixes of a page.
    pub fn write_prefixes<'p>(
        &self,
        document: &mut Document,
        prefixes: impl Iterator<Item = &'p str>,
    ) {
        for prefix in prefixes {
            document.open("CommonPrefixes").text("Prefix", &self.shown(prefix)).close();
        }
    }
}
