"""The parts that tests share: real servers, browsers, databases. No mocks."""
