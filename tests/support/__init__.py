"""What tests share: real servers, browsers, databases. No mocks."""
