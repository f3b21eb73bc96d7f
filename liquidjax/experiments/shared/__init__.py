"""What every experiment needs: settings, run folders, progress, tables, fresh processes, counts of bytes."""
