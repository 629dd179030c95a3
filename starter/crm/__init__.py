"""The CRM as people edit it by hand: records, associations, tasks, users."""
