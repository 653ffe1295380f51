//! Which addresses an outgoing connection may have: an allow-list over numbers, without a socket or a resolver.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

/// Where a connection may end. This machine's own addresses are looked at where it is
/// dialled: they are no numbers that anybody knows beforehand.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// Globally routable addresses.
    #[default]
    Public,
    /// Private ones: 10/8, 172.16/12, 192.168/16, fc00::/7.
    Private,
    /// This machine's loopback.
    Loopback,
    /// These blocks.
    Blocks(Vec<Block>),
}

impl Network {
    /// The network that the host of a model's route asks for. Only `localhost` and literal
    /// addresses are loopback: a name that merely resolves there is refused.
    #[must_use]
    pub fn of(host: &url::Host<&str>) -> Self {
        let loopback = match host {
            url::Host::Domain(name) => *name == "localhost",
            url::Host::Ipv4(address) => address.is_loopback(),
            url::Host::Ipv6(address) => canonical(IpAddr::V6(*address)).is_loopback(),
        };
        if loopback { Self::Loopback } else { Self::Public }
    }

    /// Whether a connection of this class may end at an address. Where clouds keep their
    /// metadata none may.
    #[must_use]
    pub fn admits(&self, address: IpAddr) -> bool {
        let address = canonical(address);
        match self {
            Self::Loopback => address.is_loopback(),
            Self::Public => is_global(address),
            Self::Private => is_private(address) && !is_metadata(address),
            Self::Blocks(blocks) => {
                let ordinary = is_global(address) || is_inner(address);
                ordinary && !is_metadata(address) && blocks.iter().any(|b| b.contains(address))
            }
        }
    }

    /// Whether everything that this class admits is also admitted by another.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        let inside = |blocks: &[Block], others: &[Block]| {
            blocks.iter().all(|block| others.iter().any(|other| other.covers(block)))
        };
        match (self, other) {
            (Self::Blocks(own), Self::Blocks(others)) => inside(own, others),
            (Self::Blocks(own), Self::Private) => inside(own, &PRIVATE),
            (Self::Private, Self::Blocks(others)) => inside(&PRIVATE, others),
            (own, other) => own == other,
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Public => f.write_str("public"),
            Self::Private => f.write_str("private"),
            Self::Loopback => f.write_str("loopback"),
            Self::Blocks(blocks) => {
                let texts: Vec<_> = blocks.iter().map(Block::to_string).collect();
                f.write_str(&texts.join(", "))
            }
        }
    }
}

/// A block of addresses: `10.1.0.0/16`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Block {
    address: IpAddr,
    length: u8,
}

/// A text that is no block.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no block of addresses such as \"10.1.0.0/16\", whose address ends where its length says"
)]
pub struct NotABlock(String);

impl Block {
    const fn v4(a: u8, b: u8, length: u8) -> Self {
        Self { address: IpAddr::V4(Ipv4Addr::new(a, b, 0, 0)), length }
    }

    /// Reads `ADDRESS/LENGTH`. Bits of the address after the length must be zero: a slip
    /// there is mostly a slip of the length.
    ///
    /// # Errors
    /// [`NotABlock`].
    pub fn parse(text: &str) -> Result<Self, NotABlock> {
        let refused = || NotABlock(text.chars().take(80).collect());
        let (address, length) = text.split_once('/').ok_or_else(refused)?;
        let address: IpAddr = address.parse().map_err(|_| refused())?;
        let length: u8 = length.parse().map_err(|_| refused())?;
        let block = Self { address, length };
        let (bits, width) = bits(address);
        if length > width || bits & !block.mask() != 0 || canonical(address) != address {
            return Err(refused());
        }
        Ok(block)
    }

    /// Whether an address is in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let ((own, width), (other, of)) = (bits(self.address), bits(address));
        width == of && own == other & self.mask()
    }

    /// Whether all of another block is in it.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        other.length >= self.length && self.contains(other.address)
    }

    /// The bits that its addresses share, at the lower end of the number.
    fn mask(&self) -> u128 {
        let width = bits(self.address).1;
        let all = u128::MAX.checked_shr(128 - u32::from(width)).unwrap_or(0);
        let host = u32::from(width.saturating_sub(self.length));
        u128::MAX.checked_shl(host).unwrap_or(0) & all
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

impl From<Block> for String {
    fn from(block: Block) -> Self {
        block.to_string()
    }
}

impl TryFrom<String> for Block {
    type Error = NotABlock;

    fn try_from(text: String) -> Result<Self, NotABlock> {
        Self::parse(&text)
    }
}

/// An address as a number, and how many bits it has.
fn bits(address: IpAddr) -> (u128, u8) {
    match address {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()), 32),
        IpAddr::V6(v6) => (v6.to_bits(), 128),
    }
}

/// What `private` means.
const PRIVATE: [Block; 4] = [
    Block::v4(10, 0, 8),
    Block::v4(172, 16, 12),
    Block::v4(192, 168, 16),
    Block { address: IpAddr::V6(Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0)), length: 7 },
];

/// Blocks that are neither public nor private and that an operator can name: carriers'
/// and benchmarks'.
const NAMED_ONLY: [Block; 2] = [Block::v4(100, 64, 10), Block::v4(198, 18, 15)];

fn is_private(address: IpAddr) -> bool {
    PRIVATE.iter().any(|block| block.contains(address))
}

fn is_inner(address: IpAddr) -> bool {
    is_private(address) || NAMED_ONLY.iter().any(|block| block.contains(address))
}

/// Where clouds hand out the credentials of their machines, outside of the blocks that
/// nobody reaches (169.254/16 has most): Alibaba's, Azure's, Amazon's, Google's.
const METADATA: [IpAddr; 4] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

fn is_metadata(address: IpAddr) -> bool {
    METADATA.contains(&address)
}

/// An IPv4 address that is dressed up as IPv6 is judged as what it is.
fn canonical(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

/// The IPv4 address inside an IPv6 one, mapped or translated; any other as it is.
#[must_use]
pub fn inner(address: IpAddr) -> IpAddr {
    match canonical(address) {
        IpAddr::V6(v6) => translated(v6).map_or(IpAddr::V6(v6), IpAddr::V4),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Globally routable unicast, after IANA's special-purpose registries.
fn is_global(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_global_v4(v4),
        IpAddr::V6(v6) => match translated(v6) {
            Some(v4) => is_global_v4(v4),
            None => is_global_v6(v6),
        },
    }
}

/// Blocks of IPv4 that are not the public internet, as address and prefix length.
const NOT_GLOBAL_V4: [(Ipv4Addr, u32); 17] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
    // Metadata that lies in public space: Azure's and Alibaba's.
    (Ipv4Addr::new(168, 63, 129, 16), 32),
    (Ipv4Addr::new(100, 100, 100, 200), 32),
];

fn is_global_v4(address: Ipv4Addr) -> bool {
    !NOT_GLOBAL_V4.iter().any(|(block, length)| {
        let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
        address.to_bits() & mask == block.to_bits() & mask
    })
}

/// Blocks inside 2000::/3 that are not the public internet: protocol assignments with
/// Teredo, documentation, 6to4 (it carries any IPv4 address), documentation again.
const NOT_GLOBAL_V6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

fn is_global_v6(address: Ipv6Addr) -> bool {
    let within = |block: &Ipv6Addr, length: u32| {
        let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
        address.to_bits() & mask == block.to_bits() & mask
    };
    let global_unicast = within(&Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
    global_unicast && !NOT_GLOBAL_V6.iter().any(|(block, length)| within(block, *length))
}

/// The IPv4 address behind the well-known NAT64 prefix `64:ff9b::/96`: what machines
/// without IPv4 of their own are given for every name.
fn translated(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(texts: &[&str]) -> Network {
        Network::Blocks(texts.iter().map(|text| Block::parse(text).unwrap()).collect())
    }

    #[test]
    fn private_and_named_blocks_admit_what_they_say_and_never_metadata() {
        let admits = |network: &Network, address: &str| network.admits(address.parse().unwrap());
        for inner in ["10.1.2.3", "172.31.0.1", "192.168.1.1", "fc00::1", "::ffff:10.0.0.1"] {
            assert!(admits(&Network::Private, inner), "{inner}");
        }
        for other in ["1.1.1.1", "127.0.0.1", "100.64.0.1", "169.254.169.254", "fd00:ec2::254"] {
            assert!(!admits(&Network::Private, other), "{other}");
        }
        let named = blocks(&["10.1.0.0/16", "100.64.0.0/10", "fd00::/8"]);
        for inner in ["10.1.255.255", "100.100.0.1", "fd00::1"] {
            assert!(admits(&named, inner), "{inner}");
        }
        for other in ["10.2.0.1", "100.100.100.200", "fd00:ec2::254", "1.1.1.1"] {
            assert!(!admits(&named, other), "{other}");
        }
        let all = blocks(&["0.0.0.0/0", "::/0"]);
        for never in [
            "127.0.0.1",
            "0.0.0.0",
            "169.254.169.254",
            "168.63.129.16",
            "224.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::",
            "255.255.255.255",
        ] {
            assert!(!admits(&all, never), "{never}");
        }
    }

    #[test]
    fn a_class_is_within_another_only_if_all_of_it_is() {
        let (small, large) = (blocks(&["10.1.0.0/16"]), blocks(&["10.0.0.0/8"]));
        assert!(small.is_within(&large) && small.is_within(&Network::Private));
        assert!(!large.is_within(&small) && !Network::Private.is_within(&large));
        assert!(!blocks(&["0.0.0.0/0"]).is_within(&Network::Private));
        for network in [Network::Public, Network::Private, Network::Loopback] {
            for other in [Network::Public, Network::Private, Network::Loopback] {
                assert_eq!(network.is_within(&other), network == other);
            }
        }
    }

    #[test]
    fn blocks_are_written_exactly() {
        for bad in
            ["10.1.0.1/16", "10.0.0.0", "10.0.0.0/33", "x/8", "::/129", "::ffff:10.0.0.0/104"]
        {
            assert!(Block::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Block::parse("fd00::/8").unwrap().to_string(), "fd00::/8");
    }

    #[test]
    fn public_is_an_allow_list() {
        for good in [
            "1.1.1.1",
            "8.8.8.8",
            "104.18.6.192",
            "172.15.0.1",
            "172.32.0.1",
            "100.63.0.1",
            "2606:4700::1111",
            "2a00:1450::1",
            "64:ff9b::101:101",
            "::ffff:1.1.1.1",
        ] {
            assert!(Network::Public.admits(good.parse().unwrap()), "{good}");
        }
        for bad in [
            "0.0.0.0",
            "0.1.2.3",
            "10.1.2.3",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "168.63.129.16",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "2002:7f00:1::",
            "3fff::1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "100::1",
            "5f00::1",
            "fec0::1",
        ] {
            assert!(!Network::Public.admits(bad.parse().unwrap()), "{bad}");
        }
    }

    #[test]
    fn loopback_admits_loopback_only() {
        for good in ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"] {
            assert!(Network::Loopback.admits(good.parse().unwrap()), "{good}");
        }
        for bad in ["1.1.1.1", "10.0.0.1", "169.254.169.254", "0.0.0.0", "::", "2606:4700::1111"] {
            assert!(!Network::Loopback.admits(bad.parse().unwrap()), "{bad}");
        }
    }

    #[test]
    fn only_literal_addresses_and_localhost_ask_for_loopback() {
        let network = |url: &str| {
            Network::of(
                &url::Url::parse(url)
                    .unwrap()
                    .host()
                    .map(|h| h.to_owned())
                    .as_ref()
                    .map(borrowed)
                    .unwrap(),
            )
        };
        for loopback in [
            "http://127.0.0.1/",
            "http://0x7f.1/",
            "http://2130706433/",
            "http://[::1]/",
            "http://LOCALHOST:80/",
            "http://[::ffff:127.0.0.1]/",
        ] {
            assert_eq!(network(loopback), Network::Loopback, "{loopback}");
        }
        for public in [
            "http://localhost.example.com/",
            "http://127.0.0.1.nip.io/",
            "http://10.0.0.1/",
            "http://a.localhost/",
        ] {
            assert_eq!(network(public), Network::Public, "{public}");
        }
    }

    fn borrowed(host: &url::Host<String>) -> url::Host<&str> {
        match host {
            url::Host::Domain(name) => url::Host::Domain(name),
            url::Host::Ipv4(v4) => url::Host::Ipv4(*v4),
            url::Host::Ipv6(v6) => url::Host::Ipv6(*v6),
        }
    }
}
