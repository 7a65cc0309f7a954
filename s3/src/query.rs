//! A request's query, decoded once. Called by the route table, SigV4 and the verbs.

use crate::error::{Code, S3Error};
use crate::percent::{self, Plus};
use std::str::FromStr;

/// Names and values in the order sent.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Decodes a raw query.
    ///
    /// # Errors
    /// `InvalidURI` for bad encodings.
    pub fn parse(raw: Option<&str>) -> Result<Self, S3Error> {
        let Some(raw) = raw else { return Ok(Self::default()) };
        let decode = |text: &str| {
            percent::decode(text.as_bytes(), Plus::Space)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .ok_or_else(|| S3Error::from(Code::InvalidURI))
        };
        raw.split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Ok((decode(name)?, decode(value)?))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The first value of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(it, _)| *it == name).map(|(_, value)| value)
    }

    /// Whether `name` is there, with or without a value.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Names and values in the order sent.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The number that `name` carries, if it is there and not empty.
    ///
    /// # Errors
    /// `InvalidArgument` if it is not a number of this type.
    pub fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>, S3Error> {
        let Some(value) = self.get(name).filter(|value| !value.is_empty()) else { return Ok(None) };
        value
            .parse()
            .map(Some)
            .map_err(|_| S3Error::argument("Provided argument is not a valid number.", name, value))
    }
}
