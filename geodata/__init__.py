"""What happened where: tables in, tables out. No database, no web, no clock."""
