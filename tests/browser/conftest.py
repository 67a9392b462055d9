"""The programs that the map tests start are no modules of tests."""

collect_ignore = ["map_page.py", "map_server.py"]
