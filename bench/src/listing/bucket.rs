//! The bucket that is listed: empty objects, ten to a directory, so that flat pages and pages of
//! directories come from the same keys.

use super::{ListError, PAGE};
use crate::client::{Call, Client};
use crate::sign::encode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hamster_core::Entropy;
use md5::{Digest as _, Md5};
use std::io;

/// Keys of a directory.
const DIRECTORY: usize = 10;

/// How it is listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum View {
    /// Keys.
    Flat,
    /// Directories, as common prefixes.
    Delimited,
}

impl View {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Flat, Self::Delimited];

    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Flat => "flat",
            Self::Delimited => "delimited",
        }
    }
}

/// The bucket as it stands.
pub struct Bucket {
    name: String,
    connections: usize,
    /// Directories there are, in order: their numbers.
    directories: Vec<usize>,
}

impl Bucket {
    /// An empty one.
    pub fn new(name: &str, connections: usize) -> Self {
        Self { name: name.to_owned(), connections, directories: Vec::new() }
    }

    /// Keys in it.
    pub fn keys(&self) -> usize {
        self.directories.len() * DIRECTORY
    }

    /// Puts keys until there are so many.
    pub fn fill(
        &mut self,
        client: &(impl Fn() -> Client + Sync),
        keys: usize,
    ) -> Result<(), ListError> {
        let more: Vec<usize> = (self.directories.len()..keys / DIRECTORY).collect();
        self.put(client, &more)
    }

    /// Puts `keys` keys back, spread over the range of `range` keys.
    pub fn refill(
        &mut self,
        client: &(impl Fn() -> Client + Sync),
        range: usize,
        keys: usize,
    ) -> Result<(), ListError> {
        let spread: Vec<usize> = (0..range / DIRECTORY).step_by(range / keys).collect();
        self.put(client, &spread)
    }

    fn put(
        &mut self,
        client: &(impl Fn() -> Client + Sync),
        directories: &[usize],
    ) -> Result<(), ListError> {
        self.each(client, directories, |client, name, directory| {
            for number in 0..DIRECTORY {
                let answer = client.put(name, &key(*directory, number), &[])?;
                if answer.status != 200 {
                    return Err(io::Error::other(answer.text()));
                }
            }
            Ok(())
        })?;
        self.directories.extend_from_slice(directories);
        Ok(())
    }

    /// Deletes every key, a thousand with each request.
    pub fn empty(&mut self, client: &(impl Fn() -> Client + Sync)) -> Result<(), ListError> {
        let chunks: Vec<&[usize]> = self.directories.chunks(PAGE / DIRECTORY).collect();
        self.each(client, &chunks, |client, name, directories| {
            let keys = directories
                .iter()
                .flat_map(|directory| (0..DIRECTORY).map(|number| key(*directory, number)));
            let objects: String =
                keys.map(|key| format!("<Object><Key>{key}</Key></Object>")).collect();
            let body = format!("<Delete><Quiet>true</Quiet>{objects}</Delete>");
            let digest = STANDARD.encode(Md5::digest(body.as_bytes()));
            let answer = client.call(&Call {
                method: "POST",
                path: &format!("/{name}"),
                query: "delete=",
                headers: &[("content-md5", &digest)],
                body: body.as_bytes(),
            })?;
            match answer.status == 200 && !answer.text().contains("<Error>") {
                true => Ok(()),
                false => Err(io::Error::other(answer.text())),
            }
        })?;
        self.directories.clear();
        Ok(())
    }

    /// Does something with each of `items`, over all connections.
    fn each<T: Sync>(
        &self,
        client: &(impl Fn() -> Client + Sync),
        items: &[T],
        act: impl Fn(&mut Client, &str, &T) -> io::Result<()> + Sync,
    ) -> Result<(), ListError> {
        let share = items.len().div_ceil(self.connections).max(1);
        let (name, act) = (self.name.as_str(), &act);
        std::thread::scope(|scope| {
            let threads: Vec<_> = items
                .chunks(share)
                .map(|share| {
                    scope.spawn(move || {
                        let mut client = client();
                        share.iter().try_for_each(|item| act(&mut client, name, item))
                    })
                })
                .collect();
            for thread in threads {
                thread.join().map_err(|_| io::Error::other("a thread is gone"))??;
            }
            Ok(())
        })
    }

    /// Takes a page at a random place where one is left whole.
    pub fn page(
        &self,
        client: &mut Client,
        view: View,
        entropy: &Entropy,
    ) -> Result<(), ListError> {
        let directories = match view {
            View::Flat => PAGE / DIRECTORY,
            View::Delimited => PAGE,
        };
        let places = self.directories.len().saturating_sub(directories);
        // The page begins behind the directory before its first one.
        let place = usize::try_from(entropy.below(places as u64 + 1)).unwrap_or(0);
        let after = place.checked_sub(1).map_or(String::new(), |before| {
            let directory = self.directories[before];
            match view {
                View::Flat => key(directory, DIRECTORY - 1),
                View::Delimited => format!("{directory:08}/"),
            }
        });
        let delimiter = if view == View::Delimited { "delimiter=%2F&" } else { "" };
        let behind = encode(&after, false);
        let query = format!("{delimiter}list-type=2&max-keys={PAGE}&start-after={behind}");
        let path = format!("/{}", self.name);
        let answer =
            client.call(&Call { method: "GET", path: &path, query: &query, ..Call::default() })?;
        let text = answer.text();
        let entry = match view {
            View::Flat => "<Contents><Key>",
            View::Delimited => "<CommonPrefixes><Prefix>",
        };
        let first = format!("{entry}{:08}/", self.directories.get(place).copied().unwrap_or(0));
        let entries = text.matches(entry).count();
        if answer.status != 200 || entries != PAGE || !text.contains(&first) {
            return Err(ListError::ShortPage {
                view: view.name(),
                keys: self.keys(),
                after,
                entries,
            });
        }
        Ok(())
    }
}

fn key(directory: usize, number: usize) -> String {
    format!("{directory:08}/{number}")
}
