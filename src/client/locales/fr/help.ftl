# Ce que dit --help.
help-about = Mise sous séquestre des comptes web des associations : ouverts à plusieurs, prêtés pour un temps, consignés dans un journal que chacun·e peut vérifier
help-exit-codes =
    Codes de sortie :
      0  c’est fait
      1  quelque chose manque ou est inutilisable sur cet ordinateur
      2  la commande, ou ce qui a été tapé, n’a pas de sens
      3  les règles ne le permettent pas, ou pas maintenant
      4  le serveur est injoignable ou ne répond pas
      5  le serveur n’est pas digne de confiance : arrêtez-vous et parlez aux autres
      6  une question est restée sans réponse, ou la réponse était non
help-help = Montrer cette aide
help-version = Montrer la version

# Pour toutes les commandes.
help-home = Dossier de votre clé personnelle et de ce que sait cet ordinateur [sinon : .sequestre dans votre dossier personnel]
help-org = Quelle association, si vous faites partie de plusieurs : le début de son numéro
help-lang = Langue : en ou fr [sinon : celle de votre système]
help-json = Répondre en JSON, pour les programmes
help-passphrase-file = Fichier qui contient votre phrase secrète, pour les scripts
help-yes = Répondre oui aux questions de cette commande, pour les scripts
help-accept-unwitnessed = Continuer même si trop peu de témoins ont confirmé le journal récemment

# Fonder et rejoindre.
help-demo = Voir toute l’histoire jouée sur cet ordinateur, avec un vrai serveur
help-demo-keep = Laisser tous les fichiers de la démonstration dans ce nouveau dossier
help-found = Fonder une association et écrire les premières invitations
help-found-name = Nom de l’association
help-found-me = Votre propre nom ; vous devenez gardien·ne
help-found-trustee = Nom d’un·e gardien·ne, qui détient des parts de clés et donne son accord aux demandes (à répéter pour chaque personne)
help-found-mediator = Nom d’un·e médiateur·rice, qui lit le journal et juge (à répéter pour chaque personne)
help-found-technician = Nom d’un·e technicien·ne, qui s’occupe du serveur (à répéter pour chaque personne)
help-found-member = Nom d’un·e membre, qui peut demander un accès (à répéter pour chaque personne)
help-found-quorum = Un accord et le nombre de gardien·nes qu’il demande : courant=2, ou deux groupes : ensemble=2:Alice,Bob,Carl+2:Dan,Ève,Fred
help-found-vault = Un coffre et les accords qui l’ouvrent : principal=courant,vital
help-found-admission = L’accord qui admet les membres [sinon : everyday]
help-found-code-file = Fichier du code de fondation donné par un·e technicien·ne ; - le lit sur l’entrée standard
help-found-invitations = Dossier où écrire les invitations
help-invite = Écrire une invitation pour quelqu’un
help-invite-name = Nom de la personne
help-invite-roles = Rôle : trustee (gardien·ne), mediator (médiateur·rice), technician (technicien·ne) ou member (membre) ; à répéter pour en combiner
help-invite-invitations = Dossier où écrire l’invitation
help-join = Rejoindre une association avec une invitation
help-join-invitation = Fichier de l’invitation ; - la lit sur l’entrée standard ; sans lui, on vous demande de la coller
help-admit = Proposer d’admettre une personne arrivée avec votre invitation
help-admit-name = Nom de la personne
help-remove = Proposer de retirer un·e membre de l’association
help-remove-name = Nom de la personne
help-remove-reason = Motif ; les gardien·nes le lisent
help-leave = Quitter l’association

# Ce qui vous attend.
help-inbox = Montrer ce qui vous attend, dans toutes vos associations
help-approve = Donner son accord à une demande, ou signer une proposition
help-approve-id = Numéro montré par « sequestre inbox »
help-deny = Refuser une demande ; vous pouvez encore accepter plus tard
help-deny-id = Numéro montré par « sequestre inbox »
help-deny-reason = Motif ; les autres le lisent

# Comptes.
help-deposit = Mettre un compte sous séquestre, ou son nouveau mot de passe
help-deposit-label = Nom d’usage du compte, par exemple « nom de domaine »
help-deposit-vault = Coffre du compte [sinon : le premier de la charte]
help-deposit-new-version = Remplacer le mot de passe d’un compte déjà sous séquestre
help-deposit-from = Fichier JSON avec les secrets et la fiche du compte ; - le lit sur l’entrée standard
help-credentials = Lister les comptes, ou montrer ce qu’on sait de l’un d’eux
help-credentials-label = Le compte à montrer

# Accès.
help-request = Demander un accès temporaire à un compte
help-request-label = Le compte
help-request-duration = Combien de temps, dès que vous récupérez le mot de passe : 30m, 2h ou 3j
help-request-reason = Motif ; les gardien·nes le lisent avant de donner leur accord
help-request-part = Quel élément du compte : password (mot de passe), totp-secret (secret des codes à usage unique), recovery-codes (codes de secours) ou notes ; à répéter pour plusieurs [sinon : tout sauf les codes de secours]
help-request-open-for = Combien de temps la demande attend l’accord, 7j au plus [sinon : 72h]
help-leases = Lister vos demandes et vos accès
help-leases-all = Ceux de tout le monde
help-show = Montrer le mot de passe d’une demande accordée ; la première fois, votre accès commence
help-show-id = Numéro de la demande
help-show-copy = Copier pour un court moment au lieu de montrer : le mot de passe, ou l’élément que vous nommez
help-return = Rendre un accès avant la fin, ou retirer une demande
help-return-id = Numéro de la demande
help-revoke = Mettre fin à l’accès de quelqu’un, en tant que gardien·ne
help-revoke-id = Numéro de la demande
help-revoke-reason = Motif ; les autres le lisent

# L’association.
help-people = Lister les personnes, avec les empreintes à comparer de vive voix
help-charter = Montrer la charte en vigueur et les propositions ouvertes
help-charter-propose = Proposer la première charte, quand toutes les personnes invitées sont arrivées
help-charter-propose-drop = Continuer sans cette personne invitée (à répéter pour chaque personne)
help-status = Montrer où en sont les choses : journal, serveur, témoins, ce qui vous attend
help-sync = Recevoir et vérifier le journal, et envoyer ce qui attend de l’être
help-device = Lister vos ordinateurs
help-device-revoke = Exclure un ordinateur perdu ou volé
help-device-revoke-device = L’ordinateur : le début de son numéro dans « sequestre device »
help-found-words-file = Écrire les 24 mots d’une nouvelle clé personnelle dans ce nouveau fichier, pour vous seul·e, au lieu de les montrer
help-join-words-file = Écrire les 24 mots d’une nouvelle clé personnelle dans ce nouveau fichier, pour vous seul·e, au lieu de les montrer
help-join-begin-anew = Mettre de côté ce que cet ordinateur a de cette association et recommencer, si les autres ont quitté son journal
help-join-charter-code = Avec --begin-anew : le code de la charte tel qu’on vous l’a lu ; sans cela, on vous le demande
help-restore-identity = Apporter votre clé personnelle sur un nouvel ordinateur, avec vos 24 mots et la carte de contact de l’association
help-restore-identity-words-file = Fichier des 24 mots ; - les lit sur l’entrée standard ; sans lui, on vous demande de les taper
help-restore-identity-card-file = Fichier de la carte de contact ; - la lit sur l’entrée standard ; sans lui, on vous demande de la coller
help-restore-identity-begin-anew = Mettre de côté ce que cet ordinateur a de cette association et recommencer, si les autres ont quitté son journal ; sans les mots là où se trouve votre clé personnelle
help-restore-identity-charter-code = Avec --begin-anew : le code de la charte tel qu’on vous l’a lu ; sans cela, on vous le demande
help-card = Afficher la carte de contact de l’association, à garder avec vos 24 mots

# Pour les médiateur·rices, et pour qui veut vérifier.
help-audit = Lire le journal, le vérifier, l’emporter
help-audit-log = Raconter ce qui s’est passé, entrée par entrée
help-audit-log-from = Première entrée à raconter : son numéro, ou une date comme 15/01/2027
help-audit-log-to = Dernière entrée à raconter : son numéro, ou une date
help-audit-log-person = Seulement ce qui concerne cette personne
help-audit-log-account = Seulement ce qui concerne ce compte
help-audit-export = Écrire le journal dans un dossier que d’autres peuvent vérifier sans le serveur
help-audit-export-dir = Nouveau dossier
help-audit-verify = Vérifier un journal exporté : chaque signature, et que chaque acte était permis
help-audit-verify-dir = Dossier du journal exporté
help-audit-verify-log-key = La clé du journal, venant d’une personne de confiance
help-audit-proof = Afficher la preuve qu’une entrée est au journal
help-audit-proof-index = Numéro de l’entrée
help-deposit-without = Avec --new-version : un élément que le compte n’a plus ; ou : connector, exclusive
help-request-of-version = Quelle version du compte [par défaut : la plus récente]
