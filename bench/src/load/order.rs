//! What to do next: which operation on which object, drawn from a seed or in order.

use hamster_core::Entropy;
use std::collections::VecDeque;
use std::ops::Range;
use std::str::FromStr;

/// An S3 operation that the generator can drive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// PutObject.
    Put,
    /// GetObject, of the whole object.
    Get,
    /// ListObjectsV2, one page.
    List,
}

impl Operation {
    /// All of them, in the order of [`Operation::index`].
    pub const ALL: [Self; 3] = [Self::Put, Self::Get, Self::List];

    /// Its place in a table.
    pub const fn index(self) -> usize {
        match self {
            Self::Put => 0,
            Self::Get => 1,
            Self::List => 2,
        }
    }

    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        ["PUT", "GET", "LIST"][self.index()]
    }
}

/// One request to make.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// What to do.
    pub operation: Operation,
    /// With which object (a listing begins after it).
    pub object: usize,
}

/// What listings ask for.
#[derive(Clone, Copy, Debug)]
pub struct Listing {
    /// Objects of the data set.
    pub objects: usize,
    /// Keys of a page.
    pub page: usize,
}

impl Listing {
    /// Keys on the page that begins after an object.
    pub fn keys_after(self, object: usize) -> usize {
        (self.objects - object - 1).min(self.page)
    }
}

/// Shares of the operations, in percent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mix {
    shares: [u8; 3],
}

impl Mix {
    /// One operation only.
    pub fn only(operation: Operation) -> Self {
        let mut shares = [0; 3];
        shares[operation.index()] = 100;
        Self { shares }
    }

    /// Does it contain the operation?
    pub fn has(self, operation: Operation) -> bool {
        self.shares[operation.index()] > 0
    }

    fn pick(self, percent: u64) -> Operation {
        let mut bound = 0;
        for operation in Operation::ALL {
            bound += u64::from(self.shares[operation.index()]);
            if percent < bound {
                return operation;
            }
        }
        unreachable!("shares make 100")
    }
}

impl FromStr for Mix {
    type Err = String;

    /// `put=25,get=70,list=5`
    fn from_str(text: &str) -> Result<Self, String> {
        let mut shares = [0u8; 3];
        for part in text.split(',') {
            let (name, share) = part.split_once('=').ok_or("want name=percent, ...")?;
            let operation =
                Operation::ALL.into_iter().find(|o| o.name().eq_ignore_ascii_case(name));
            let operation = operation.ok_or_else(|| format!("no operation {name}"))?;
            shares[operation.index()] = share.parse().map_err(|_| format!("no share {share}"))?;
        }
        match shares.iter().map(|share| u32::from(*share)).sum() {
            100u32 => Ok(Self { shares }),
            sum => Err(format!("the shares make {sum}, not 100")),
        }
    }
}

/// Where a thread's orders come from.
pub enum Orders {
    /// Each object is put once; what failed is put again.
    Fill(VecDeque<usize>),
    /// Objects drawn evenly; PUTs go through this thread's share of the objects in a circle.
    Draw {
        /// Operations.
        mix: Mix,
        /// How many objects there are.
        objects: usize,
        /// Objects that this thread puts.
        own: Range<usize>,
        /// The next of them.
        next: usize,
        /// Draws.
        entropy: Entropy,
    },
}

impl Orders {
    /// The next order; `None` when all is done.
    pub fn next(&mut self) -> Option<Order> {
        match self {
            Self::Fill(objects) => {
                objects.pop_front().map(|object| Order { operation: Operation::Put, object })
            }
            Self::Draw { mix, objects, own, next, entropy } => {
                let operation = mix.pick(entropy.below(100));
                if operation == Operation::Put {
                    let object = *next;
                    *next = if object + 1 == own.end { own.start } else { object + 1 };
                    return Some(Order { operation, object });
                }
                let bound = u64::try_from(*objects).expect("usize fits in 64 bits");
                let object = usize::try_from(entropy.below(bound)).expect("below a usize");
                Some(Order { operation, object })
            }
        }
    }

    /// An order that failed.
    pub fn failed(&mut self, order: Order) {
        if let Self::Fill(objects) = self {
            objects.push_back(order.object);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_is_a_hundred_percent() {
        let mix: Mix = "put=25,get=70,list=5".parse().expect("a mix");
        let picked = (0..100).filter(|percent| mix.pick(*percent) == Operation::Get).count();
        assert_eq!(picked, 70);
        assert!("put=25,get=70".parse::<Mix>().is_err());
        assert!("post=100".parse::<Mix>().is_err());
    }
}
