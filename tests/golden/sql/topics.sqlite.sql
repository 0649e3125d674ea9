SELECT topic.id,
  topic.slug,
  topic.name,
  topic.names,
  topic.description,
  topic.is_open,
  topic.descriptions
FROM topic
ORDER BY topic.name,
  topic.id
