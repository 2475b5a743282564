"""The journal: one SQLite file per profile, behind ports.Journal. No trading decisions here, and no
other module opens the file."""
