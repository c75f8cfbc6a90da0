"""All that is known of OpenClaw's own format, which a release of OpenClaw may change."""
