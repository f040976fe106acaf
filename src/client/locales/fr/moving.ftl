# Déménager : un autre serveur pour le même journal.

log-move = { $who } a apporté le déménagement vers le serveur { $address }, signé par { $names } : le journal y continue après { $n } entrées.
audit-remark-moved = À l’entrée { $entry }, l’association a déménagé : une nouvelle clé signe depuis. Le déménagement a été signé comme la charte le demande ; la copie a donc été vérifiée avec la nouvelle clé.
failed-moved = Cette association a déménagé vers { $address }, et ce serveur n’a plus rien à dire. Demandez aux autres le fichier du déménagement, puis « sequestre move follow FICHIER ».

# Ce que les règles disent d’un déménagement.
refused-move-signature = Une signature de ce déménagement ne tient pas : le fichier a été abîmé ou modifié en route. Demandez-le à nouveau.
refused-move-quorum = Trop peu de celles et ceux qui peuvent changer la charte ont signé ce déménagement. Recueillez d’autres signatures avec « sequestre move sign ».
refused-move-prefix = Ce déménagement ne commence pas à la fin de ce journal : des entrées se sont ajoutées entre-temps, ou c’est un autre journal. Comparez avec les autres ; rien n’a été changé.
refused-move-charter = Un déménagement change le serveur et la clé du journal, et rien d’autre dans la charte. Proposez-le à nouveau ; changez la charte avant ou après.
refused-move-log-key = Ce déménagement ne quitte pas la clé qui signe le journal aujourd’hui, ou revient à une ancienne. Proposez-le à nouveau depuis une copie à jour.
refused-not-moved = Ce serveur a été rétabli depuis une copie et attend que l’association y déménage. Demandez aux gardien·nes le fichier du déménagement, puis « sequestre move follow FICHIER ».
refused-moved-elsewhere = Ce déménagement mène à un autre serveur que celui qui a été appelé. Rien n’a été changé ; vérifiez où le fichier dit que le journal continue.
