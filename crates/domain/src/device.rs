//! What a `User-Agent` says of a device, for people who look at their sessions (spec v1beta1 3.21). It is what the client claims,
//! and nothing is decided on it.

/// The browser, or what else the client calls itself first; empty when it says nothing.
pub fn browser(agent: &str) -> &str {
    // each of these names the ones after it as well
    const KNOWN: &[(&str, &str)] = &[
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser/", "Samsung Internet"),
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"),
        ("CriOS/", "Chrome"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    let known = KNOWN.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
    known.unwrap_or_else(|| agent.split(['/', ' ']).next().unwrap_or_default())
}

/// The operating system; empty when it is none that is known.
pub fn operating_system(agent: &str) -> &'static str {
    const KNOWN: &[(&str, &str)] = &[
        ("iPhone", "iOS"),
        ("iPad", "iOS"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("CrOS", "ChromeOS"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];
    KNOWN.iter().find(|(mark, _)| agent.contains(mark)).map_or("", |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_that_people_have() {
        for (agent, name, system) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0",
                "Edge",
                "Windows",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15",
                "Safari",
                "macOS",
            ),
            (
                "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.0.0 Mobile Safari/537.36",
                "Chrome",
                "Android",
            ),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0", "Firefox", "Linux"),
            ("curl/8.5.0", "curl", ""),
            ("", "", ""),
        ] {
            assert_eq!((browser(agent), operating_system(agent)), (name, system), "{agent}");
        }
    }
}
