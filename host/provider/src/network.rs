//! Which addresses an outgoing connection may have: an allow-list over numbers, without a socket or a resolver.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where a connection may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Network {
    /// Globally routable addresses that are not this machine's own.
    Public,
    /// This machine's loopback, for targets that say so: a literal loopback address or `localhost`.
    Loopback,
}

impl Network {
    /// The network that a host of a URL asks for. Only `localhost` and literal
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

    /// Whether a connection of this class may end at an address.
    #[must_use]
    pub fn admits(self, address: IpAddr) -> bool {
        let address = canonical(address);
        match self {
            Self::Loopback => address.is_loopback(),
            Self::Public => is_global(address),
        }
    }
}

/// An IPv4 address that is dressed up as IPv6 is judged as what it is.
fn canonical(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
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
